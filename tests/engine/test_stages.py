"""Searches in stages: what is pruned, what is kept, at which rates, and exact resuming."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import hypothesis
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.architecture.discretization import largest_probability
from engine.architecture.parameters import ArchitectureParameters
from engine.core.plugins import attribute
from engine.method import EpochReport
from engine.methods import drnas
from engine.methods.drnas import learning_rate, searched, stages
from engine.search import learning_rates
from engine.search.pruning import PruneAndWiden, remaining, restore_alphas, strongest
from engine.search.splits import split
from engine.search.stages import locate
from engine.spaces.space import all_candidates
from runs import catalogue
from runs.catalogue.methods.drnas import DrNasSettings
from runs.configuration import Draft, resolve
from runs.errors import UsageError
from runs.genotypes import darts
from runs.log.events import StageStarted
from tests.engine.conftest import Bench, check_resumes, same
from tests.vectors import load

Make = Callable[..., Bench]

PRUNE, SCHEDULES = load("drnas/prune"), load("drnas/schedules")
PRESETS = {
    "nb201_plain": ("nasbench201", "paper"),
    "nb201_progressive": ("nasbench201", "paper-progressive"),
    "darts_cifar_search": ("darts", "paper"),
    "darts_imagenet_search": ("darts", "paper-imagenet"),
}
TWO_STAGES = {
    "epochs": 4,
    "arch_frozen_epochs": 1,
    "image_limit": 96,
    "stage_operations": "5,3",
    "stage_partial": "4,2",
}
SPACES: dict[str, dict[str, Any]] = {
    "nasbench201": TWO_STAGES,
    "darts": TWO_STAGES
    | {"space": "darts", "stage_operations": "7,4", "stage_partial": "6,4", "channels": 12, "image_size": 8}
    | {"image_limit": 64},  # one batch in each epoch
}


@functools.cache
def plain(**changes: Any) -> list[EpochReport]:
    """Return the reports of two stages with these changes; several tests compare others with the same ones."""
    return Bench(TWO_STAGES | changes).reports()


def settings(preset: str = "paper-progressive", space: str = "nasbench201", **options: Any) -> DrNasSettings:
    config = resolve(Draft(method="drnas", space=space, preset=preset, device="cpu", options=options))
    found = config.settings()
    assert isinstance(found, DrNasSettings)
    return found


# Pruning


@pytest.mark.parametrize("case", PRUNE["nb201"] + PRUNE["darts"])
def test_pruning_keeps_the_strongest(case: dict[str, Any]) -> None:
    every = tuple(range(len(case["alpha"][0])))
    assert [list(strongest(row, every, case["keep"])) for row in case["alpha"]] == case["kept"]


@pytest.mark.parametrize("case", PRUNE["repeated"])
def test_what_was_pruned_stays_pruned(case: dict[str, Any]) -> None:
    """This holds even if every kept alpha is negative and those of pruned operations are 0."""
    every = tuple(range(len(case["alpha"][0])))
    first = [strongest(row, every, case["keep1"]) for row in case["alpha"]]
    assert [list(kept) for kept in first] == case["kept1"]
    rows = zip(case["alpha_before_second"], first, strict=True)
    assert [list(strongest(row, alive, case["keep2"])) for row, alive in rows] == case["kept2"]


@pytest.mark.parametrize("case", [case for case in PRUNE["nb201"] if "alpha_after" in case])
def test_kept_alphas_keep_their_value(case: dict[str, Any]) -> None:
    entry = catalogue.space("nasbench201")
    old = ArchitectureParameters(entry, all_candidates(entry), torch.Generator(), scale=0)
    with torch.no_grad():
        old.alphas["cell"].copy_(torch.tensor(case["alpha"]))
    kept = remaining(old, all_candidates(entry), case["keep"], strongest)
    new = ArchitectureParameters(entry, kept, torch.Generator(), scale=1)
    with torch.no_grad():
        restore_alphas(old.alphas, {"cell": {}}, new, torch.optim.Adam(new.parameters()))
    assert torch.equal(new.alphas["cell"], torch.tensor(case["alpha_after"]))


alphas = st.floats(-30, 30, width=32)


@given(st.data())
@hypothesis.settings(max_examples=30)
def test_masks_never_return_and_genotypes_come_from_what_is_kept(data: st.DataObject) -> None:
    entry = catalogue.space(data.draw(st.sampled_from(["nasbench201", "darts"])))
    options = settings(space=entry.name, preset="quick")
    space = attribute(entry.engine)(entry, options, 10)
    alive = searched(options, entry)
    for keep in sorted(data.draw(st.lists(st.integers(1, 7), min_size=1, max_size=3)), reverse=True):
        architecture = ArchitectureParameters(entry, alive, torch.Generator(), scale=0)
        with torch.no_grad():
            for alpha in architecture.parameters():
                alpha.copy_(
                    torch.tensor(data.draw(st.lists(alphas, min_size=alpha.numel(), max_size=alpha.numel()))).view_as(
                        alpha
                    )
                )
        left = remaining(architecture, alive, keep, strongest)
        for kind, rows in left.items():
            for kept, before in zip(rows, alive[kind], strict=True):
                assert set(kept) <= set(before)
                assert len(kept) == min(keep, len(before))
                assert list(kept) == sorted(kept)
        alive = left
        for derive in (largest_probability, drnas.largest_mean):
            chosen = space.chosen(derive(space, architecture, alive))
            assert all(op in (-1, *rows[edge]) for kind, rows in alive.items() for edge, op in enumerate(chosen[kind]))


# Rates and the plan


@pytest.mark.parametrize("case", SCHEDULES["search"], ids=lambda case: case["name"])
def test_the_plan_of_every_paper_preset(case: dict[str, Any]) -> None:
    space, preset = PRESETS[case["name"]]
    options = settings(preset, space)
    lengths = case["epochs_per_stage"]
    epochs = sum(lengths)
    plan = list(stages(options, None, None))
    assert [stage.epochs for stage in plan] == lengths
    where = [locate(lengths, epoch) for epoch in range(epochs)]
    assert [plan[stage].network["partial"] for stage, _ in where] == case["partial_channel_k"]
    assert [int(within >= plan[stage].frozen_epochs) for stage, within in where] == case["arch_updates"]
    count = len(options.candidates(catalogue.space(space).operations))
    kept = [count, *(stage.transition.keep for stage in plan if isinstance(stage.transition, PruneAndWiden))]
    assert [kept[stage] for stage, _ in where] == case["ops_per_edge"]
    assert (options.batch_size, options.arch_learning_rate) == (case["batch_size"], case["arch_lr"])
    for at_switch, name in (
        ("nominal", "lr_nominal"),
        ("torch-1.3", "lr_reference_torch_1_3"),
        ("torch-recent", "lr_reference_recent_torch"),
    ):
        rate = learning_rate(settings(preset, space, rate_at_switch=at_switch))
        assert [rate(epoch, epochs) for epoch in range(epochs)] == pytest.approx(case[name], rel=1e-5)


@given(st.data())
def test_the_nominal_rate_knows_no_stages(data: st.DataObject) -> None:
    lengths = data.draw(st.lists(st.integers(1, 30), min_size=1, max_size=4))
    epochs = sum(lengths)
    warm = data.draw(st.integers(0, epochs - 1))
    start, end = data.draw(st.floats(0.01, 1)), data.draw(st.floats(0, 0.005))
    text = ",".join(map(str, lengths))
    options = settings(
        preset="quick",
        epochs=epochs,
        stage_epochs=text,
        stage_operations=",".join("5" for _ in lengths),
        stage_partial=",".join("1" for _ in lengths),
        warm_up_epochs=warm,
        arch_frozen_epochs=0,
        learning_rate=start,
        learning_rate_min=end,
    )
    for epoch in range(epochs):
        wanted = end + (start - end) * (1 + math.cos(math.pi * epoch / epochs)) / 2
        wanted = start * (epoch + 1) / warm if epoch < warm else wanted
        assert learning_rate(options)(epoch, epochs) == pytest.approx(wanted)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_every_epoch_has_its_locate(lengths: list[int]) -> None:
    wanted = [(stage, within) for stage, length in enumerate(lengths) for within in range(length)]
    assert [locate(lengths, epoch) for epoch in range(sum(lengths))] == wanted
    with pytest.raises(IndexError):
        locate(lengths, sum(lengths))


def test_a_rate_that_jumped_goes_on_as_it_was_under_the_old_torch() -> None:
    nominal = [learning_rates.nominal(0.1, 0, epoch, 6) for epoch in range(6)]
    jumping = [learning_rates.jumping(0.1, 0, epoch, 6, lengths=(3, 3)) for epoch in range(6)]
    assert [epoch for epoch in range(6) if nominal[epoch] != jumping[epoch]] == [3]


# The transition


def at_the_switch(bench: Make, **options: Any) -> Bench:
    """Return a search whose next unit is the first of the second stage."""
    search = bench(**options)
    search.method.prepare()
    for _ in range(2):
        search.epoch()
    return search


@pytest.mark.parametrize("options", SPACES.values(), ids=SPACES)
def test_a_switch_deletes_widens_and_carries_over(bench: Make, options: dict[str, Any]) -> None:
    search = at_the_switch(bench, **options).method
    assert search.stage == 0
    before = {name: value.detach().clone() for name, value in search.current.supernet.named_parameters()}
    buffers = {
        name: search.current.weight_optimizer.state[value]["momentum_buffer"].clone()
        for name, value in search.current.supernet.named_parameters()
    }
    alphas = {kind: alpha.detach().clone() for kind, alpha, _ in search.current.architecture.matrices()}
    moments = {
        kind: search.current.architecture_optimizer.state[alpha]["exp_avg_sq"].clone()
        for kind, alpha, _ in search.current.architecture.matrices()
    }
    transition = search.components.stages[0].transition
    assert isinstance(transition, PruneAndWiden)
    search.next_stage()
    after = dict(search.current.supernet.named_parameters())
    grown = [name for name in after if after[name].shape != before[name].shape]
    assert grown
    assert set(after) < set(before), "operations are gone"
    for name, parameter in after.items():
        buffer = search.current.weight_optimizer.state[parameter]["momentum_buffer"]
        assert buffer.shape == parameter.shape
        assert buffer.stride() == parameter.stride()
        old = tuple(slice(side) for side in before[name].shape)
        assert torch.equal(parameter.detach()[old], before[name]), "what there was stays in front"
        assert torch.equal(buffer[old], buffers[name])
        if name not in grown:
            assert torch.equal(parameter, before[name])
    for kind, alpha, alive in search.current.architecture.matrices():
        state = search.current.architecture_optimizer.state[alpha]
        assert alive.sum(-1).tolist() == [transition.keep] * len(alive)
        assert torch.equal(alpha.detach(), alphas[kind] * alive)
        assert torch.equal(state["exp_avg_sq"], moments[kind] * alive)
        assert (state["exp_avg_sq"][alive] > 0).all()
        assert state["step"] > 0


@pytest.mark.parametrize("options", SPACES.values(), ids=SPACES)
def test_copied_channels_have_the_momentum_of_their_originals(bench: Make, options: dict[str, Any]) -> None:
    search = at_the_switch(bench, **options).method
    with torch.no_grad():
        for parameter in search.current.supernet.parameters():
            search.current.weight_optimizer.state[parameter]["momentum_buffer"].copy_(2 * parameter)
    search.next_stage()
    for parameter in search.current.supernet.parameters():
        assert torch.equal(search.current.weight_optimizer.state[parameter]["momentum_buffer"], 2 * parameter)


@pytest.mark.parametrize("regulariser", ["l2", "kl"])
def test_pruned_alphas_rest(bench: Make, regulariser: str) -> None:
    """Neither Adam's moments nor a regulariser changes the alphas of pruned operations."""
    search = at_the_switch(bench, **TWO_STAGES, regulariser=regulariser)
    reports = search.reports()
    alpha, alive = search.method.current.architecture.alphas["cell"], search.method.current.architecture.alive("cell")
    assert (alpha[~alive] == 0).all()
    assert (alpha[alive] != 0).all()
    snapshot = reports[-1].architecture["cell"]
    for weights, concentrations, there, chosen in zip(
        snapshot.weights, snapshot.extras["concentration"], snapshot.alive, snapshot.chosen, strict=True
    ):
        assert there[chosen]
        for weight, concentration, alive_here in zip(weights, concentrations, there, strict=True):
            assert (weight > 0) == (concentration > 0) == alive_here


def test_the_rate_at_the_switch_is_nominal_unless_asked(bench: Make) -> None:
    nominal = [report.learning_rates["weights"] for report in plain()]
    jumping = [report.learning_rates["weights"] for report in bench(**TWO_STAGES, rate_at_switch="torch-1.3").reports()]
    assert nominal == sorted(nominal, reverse=True)
    assert [jumping[2], nominal[3]] == [nominal[0], jumping[3]]


def test_stages_say_what_they_are(bench: Make) -> None:
    search = bench(**TWO_STAGES)
    search.method.prepare()
    reports, said = [], []
    for _ in range(4):
        reports.append(search.epoch())
        said.append([event for event in search.said if isinstance(event, StageStarted)])
    assert [len(events) for events in said] == [1, 1, 2, 2], "an epoch is told before the stage that follows it"
    assert [event.title for event in said[-1]] == [
        "5 operations, 1/4 of the channels",
        "3 operations, 1/2 of the channels",
    ]
    assert [report.extras["stage"] for report in reports] == [{"number": 1, "partial": 4}] * 2 + [
        {"number": 2, "partial": 2}
    ] * 2
    assert [report.extras["operations_alive"]["cell"] for report in reports] == [[5] * 6] * 2 + [[3] * 6] * 2
    assert [report.extras["architecture_frozen"] for report in reports] == [True, False, True, False]


@pytest.mark.parametrize(
    ("options", "units"),
    [
        # Inside the first stage, at the transition, in training and in evaluation after it, and in the next epoch.
        (SPACES["nasbench201"], (1, 6, 7, 8, 9)),
        (SPACES["nasbench201"] | {"evaluated_epochs": 1}, (4, 5)),
        # The same transition with two kinds of cell, at it and in training after it.
        (SPACES["darts"] | {"epochs": 2, "arch_frozen_epochs": 0}, (2, 3)),
    ],
    ids=["nasbench201", "unevaluated", "darts"],
)
def test_going_on_from_any_stage_is_going_on(bench: Make, options: dict[str, Any], units: tuple[int, ...]) -> None:
    check_resumes(bench, options, units)


# Options


@pytest.mark.parametrize(
    "option",
    [
        {"rate_at_switch": "torch-recent"},
        {"stage_partial": "2,2"},
        {"stage_operations": "5,2"},
        {"stage_epochs": "3,1", "arch_frozen_epochs": 0},
        {"warm_up_epochs": 2},
        {"weight_share": 0.4, "arch_share": 0.3},
        {"none_operation": False, "stage_operations": "0,3"},
    ],
    ids=str,
)
def test_every_option_of_stages_does_something(bench: Make, option: dict[str, Any]) -> None:
    brief = {"arch_frozen_epochs": 0, "image_limit": 64}
    assert not same(plain(**brief)[-1], bench(**TWO_STAGES | brief | option).reports()[-1])


def test_edges_may_be_ranked_by_the_mean_of_the_dirichlet(bench: Make) -> None:
    case = next(case for case in load("drnas/genotype_darts")["cases"] if case["normal"] != case["normal_by_mean"])
    for ranking, suffix in (("softmax", ""), ("mean", "_by_mean")):
        plan = {"epochs": 1, "arch_frozen_epochs": 0, "stage_operations": "7", "stage_partial": "1"}
        search = bench(space="darts", edge_ranking=ranking, **plan).method
        columns = search.current.supernet.candidates["normal"][0]
        everything = tuple(range(len(columns)))
        kept = {
            kind: tuple(tuple(columns[op] for op in row) for row in case[f"kept_{kind}"] or [everything] * 14)
            for kind in ("normal", "reduce")
        }
        with torch.no_grad():
            for kind, alpha, _ in search.current.architecture.matrices():
                alpha[:, list(columns)] = torch.tensor(case[f"alpha_{kind}"], dtype=alpha.dtype)
        found = search.components.discretizer(search.context.space, search.current.architecture, kept)
        names = [[search.context.space.entry.operations[columns[op]], source] for op, source in case[f"normal{suffix}"]]
        assert [list(pair) for pair in darts.pairs(found.cells["normal"])] == names


def test_only_the_last_epochs_are_evaluated_on_request(bench: Make) -> None:
    search = bench(**TWO_STAGES, evaluated_epochs=1)
    reports = search.reports()
    assert ["search_accuracy" in report.metrics for report in reports] == [False, False, False, True]
    assert reports[-1].metrics == plain()[-1].metrics, "evaluating changes nothing"


def test_an_unevaluated_epoch_ends_with_its_last_batch(bench: Make) -> None:
    search = bench(**TWO_STAGES, evaluated_epochs=1).method
    assert search.position().of == 2
    assert [search.advance() is None for _ in range(3)] == [True, False, True]


def test_shares_are_disjoint_parts_of_every_class() -> None:
    labels = torch.arange(400) % 4
    options = settings("quick", weight_share=0.1, arch_share=0.05)
    first, second = split(
        labels,
        torch.Generator().manual_seed(0),
        how=options.split,
        shares=(options.weight_share, options.arch_share),
    )
    assert (len(first), len(second)) == (40, 20)
    assert not set(first.tolist()) & set(second.tolist())
    assert labels[first].bincount().tolist() == [10] * 4


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"stage_operations": "5,6"}, "a stage cannot have more operations than the stage before it"),
        ({"stage_operations": "4,3"}, "the first stage has all 5 operations: start with 5 or 0"),
        ({"stage_operations": "5,0"}, "every stage after the first needs at least 1 operation"),
        ({"stage_operations": "5;3"}, "must be comma-separated whole numbers of at least 0, one per stage"),
        ({"stage_operations": "5,-3"}, "must be comma-separated whole numbers of at least 0"),
        ({"stage_operations": ""}, "must be comma-separated whole numbers of at least 0"),
        ({"stage_operations": "5,4,3"}, "must have 3 numbers, one per stage of stage_operations, got 2"),
        ({"stage_partial": "4"}, "stage_partial must have 2 numbers, one per stage of stage_operations, got 1: '4'"),
        ({"stage_partial": "2,4"}, "k must be at least 1 and must not grow from stage to stage"),
        ({"stage_partial": "4,0"}, "k must be at least 1"),
        ({"stage_partial": "3,1"}, "must divide channels=16: 1, 2, 4, 8, 16"),
        ({"stage_epochs": "100"}, "must have 2 numbers"),
        ({"stage_epochs": "40,50"}, "sums to 90, but epochs=100: make them agree, or leave stage_epochs empty"),
        ({"stage_epochs": "100,0"}, "2 stages need at least one epoch each, but epochs=100"),
        ({"stage_epochs": "", "epochs": 1}, "2 stages need at least one epoch each, but epochs=1"),
        (
            {"stage_epochs": "", "epochs": 20, "arch_frozen_epochs": 10},
            "must be less than the shortest stage of 10 epochs",
        ),
        ({"weight_share": 0.3}, "split=positional always splits in half"),
        ({"weight_share": 0.6, "split": "stratified"}, "must sum to at most 1"),
        ({"warm_up_epochs": 100}, "warm_up_epochs must be less than epochs=100, got 100"),
    ],
    ids=str,
)
def test_a_plan_that_cannot_be_is_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as refusal:
        settings(**options)
    assert says in str(refusal.value)


@pytest.mark.parametrize("layers", [1, 2])
def test_a_network_without_a_normal_cell_is_refused(layers: int) -> None:
    with pytest.raises(UsageError, match="layers"):
        settings("quick", "darts", layers=layers)
