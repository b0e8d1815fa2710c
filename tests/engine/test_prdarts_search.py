"""PR-DARTS in the search loop: the plan, what a transition keeps, memory, a growing batch, kills at any moment."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.core.metrics import Result
from engine.method import EpochReport
from engine.methods.prdarts import method, pool_transitions
from engine.search import learning_rates
from engine.search.skip_dropout import skip_dropout
from engine.search.step import StepContext
from engine.search.updates import FirstOrder
from engine.spaces.darts.supernet import DartsSupernet
from runs.catalogue.methods.prdarts import PrDartsSettings
from runs.catalogue.spaces.darts import SPACE
from runs.configuration import Draft, resolve
from runs.genotypes import cell_networks
from runs.genotypes.operations import operation
from runs.log.events import StageStarted, Warned
from tests.engine.conftest import Bench, check_resumes, round_trip, same
from tests.vectors import load

Make = Callable[..., Bench]

KINDS = ("normal", "reduce")
# Three stages of one epoch, with 4 operations per edge, 5 (2 of them new), and 3; two batches and an evaluation per
# epoch.
SMALL: dict[str, Any] = {
    "method": "prdarts",
    "channels": 2,
    "layers": 3,
    "image_size": 8,
    "image_limit": 64,
    "batch_size": 16,
    "epochs": 3,
    "stage_keep": "5,3,1",
    "stage_morphs": "2,0,0",
    "stage_frozen_epochs": "0",
}
TWICE = SMALL | {"stage_keep": "5,5,1", "stage_morphs": "2,2,0"}


def settings(**options: Any) -> PrDartsSettings:
    found = resolve(Draft(method="prdarts", preset="paper", device="cpu", options=options)).settings()
    assert isinstance(found, PrDartsSettings)
    return found


# The plan


@pytest.mark.parametrize("case", load("prdarts/schedule")["cases"], ids=lambda case: case["name"])
def test_stages_are_those_of_the_public_scripts(case: dict[str, Any], bench: Make) -> None:
    args = {name: ",".join(map(str, values)) for name, values in case["args"].items()}
    search = bench(
        method="prdarts",
        evaluated_epochs=4,
        channels=case["init_channels"],
        layers=case["base_layers"],
        learning_rate=case["lr"],
        learning_rate_min=case["lr_min"],
        epochs=case["total_epochs"],
        added_channels=args["add_width"],
        added_layers=args["add_layers"],
        skip_dropout=args["dropout_rate"],
        stage_keep=args["num_to_keep"],
        stage_morphs=args["num_morphs"],
        stage_frozen_epochs=args["grace_epochs"],
        stage_epochs=args["epochs"],
    ).method
    components, lengths = search.components, [stage["epochs"] for stage in case["stages"]]
    assert isinstance(search.context.settings, PrDartsSettings)
    for stage, planned, plan in zip(case["stages"], components.stages, search.context.settings.plan, strict=True):
        first, epochs = stage["first_epoch"], stage["epochs"]
        assert (planned.epochs, planned.frozen_epochs) == (epochs, stage["alpha_frozen_epochs"])
        assert dict(planned.network) == {"layers": stage["layers"], "channels": stage["channels"]}
        assert [epoch for epoch in range(epochs) if epoch >= epochs - planned.evaluated_epochs] == stage[
            "validate_epochs"
        ]
        assert (planned.transition is None) == stage["last"]
        assert plan.carries == stage["load_and_inherit"]
        rate = partial(learning_rates.in_each_stage, case["lr"], case["lr_min"], lengths=lengths)
        of_stage = range(first, first + epochs)
        assert [components.learning_rate(epoch, sum(lengths)) for epoch in of_stage] == pytest.approx(
            stage["lr"], abs=1e-7
        )
        assert [rate(epoch, sum(lengths)) for epoch in of_stage] == pytest.approx(stage["lr"], abs=1e-7)
        dropped = [skip_dropout(plan.skip_dropout, epoch, epochs, planned.frozen_epochs) for epoch in range(epochs)]
        assert dropped == pytest.approx(stage["skip_dropout"], abs=1e-7)


def test_the_paper_presets_differ_by_their_restrictions_alone() -> None:
    values = settings().model_dump()
    for variant in ("", "-dr", "-ur"):
        paper, public = (
            resolve(Draft(method="prdarts", preset=name + variant, device="cpu")).settings().model_dump()
            for name in ("paper", "public")
        )
        assert {key: public[key] for key in paper if public[key] != paper[key]} == {"mode": "faithful"}
    published = {"arch_learning_rate": 6e-4, "batch_size": 24, "batch_size_max": 128, "batch_multiple": 8, "layers": 8}
    assert published.items() <= values.items()
    for preset, restrictions in {"paper-dr": "r_depth", "paper-ur": "unrestricted"}.items():
        other = resolve(Draft(method="prdarts", preset=preset, device="cpu")).settings().model_dump()
        assert {key for key in values if values[key] != other[key]} == {"restrictions"}
        assert other["restrictions"] == restrictions


@pytest.mark.parametrize("name", ["0_darts_like", "1_r_depth", "2_unrestricted"])
def test_the_supernets_of_whole_searches_have_the_public_codes_sizes(name: str) -> None:
    for stage in load(f"prdarts/trajectory_{name}")["stages"]:
        pool = {kind: [edge["ops"] for edge in stage[kind]] for kind in KINDS}
        cost = cell_networks.supernet(
            pool, SPACE.edges, channels=stage["channels"], layers=stage["layers"], classes=10, size=32, stem="cifar"
        )
        assert cost.parameters == stage["supernet_params"]


# A whole search


class Whole:
    """A search with two refills, run once: its events, and its supernets."""

    def __init__(self, **options: Any) -> None:
        options = TWICE | options
        self.bench = Bench({k: v for k, v in options.items() if k != "method"}, method="prdarts")
        self.reports: list[EpochReport] = []
        self.parameters: list[int] = []
        for _ in range(3):
            self.reports.append(self.bench.epoch())
            self.parameters.append(sum(part.numel() for part in self.bench.method.current.supernet.parameters()))


@pytest.fixture(scope="module")
def whole() -> Whole:
    torch.set_num_threads(1)
    return Whole()


def test_every_stage_prunes_and_refills(whole: Whole) -> None:
    first, second, third = (report.extras for report in whole.reports)
    assert first["pool"]["normal"]["discovered"] == ["max3", "avg3", "skip", "c3"]
    assert "transition" not in first
    for extras, dropped in ((second, 1), (third, 2)):
        changes = extras["transition"]["changes"]
        assert [(change["cell"], change["edge"]) for change in changes] == [(k, e) for k in KINDS for e in range(14)]
        for change in changes:
            assert (len(change["dropped"]), len(change["added"]) + change["short"]) == (dropped, 2)
            assert extras["operations_alive"][change["cell"]][change["edge"]] == 5 - change["short"]
            living = [one for one in extras["pool"][change["cell"]]["edges"][change["edge"]] if one["active"]]
            assert {child["operation"] for child in change["added"]} <= {one["operation"] for one in living}
        assert 0 < extras["transition"]["carried_share"] < 1
        assert all(0 <= extras["transition"][f"accuracy_{when}"] <= 100 for when in ("before", "after"))
    for kind in KINDS:
        assert 4 < second["discovered"][kind] < third["discovered"][kind] <= 11
    assert (first["reachable_within_stages"], first["reachable_ever"]) == (11, 15)
    for change in third["choice"]:
        assert len(change["dropped"]) == third["operations_alive"][change["cell"]][change["edge"]] - 1
    assert "choice" not in second


def test_reports_name_the_columns_that_were_discovered(whole: Whole) -> None:
    columns: list[str] = []
    for report in whole.reports:
        for kind, snapshot in report.architecture.items():
            assert snapshot.operations[: len(columns)] == columns, "a column keeps its place"
            for row, alive, edge in zip(
                snapshot.weights, snapshot.alive, report.extras["operations_alive"][kind], strict=True
            ):
                assert sum(row) == pytest.approx(1)
                assert sum(alive) == edge
                assert all(on or not weight for weight, on in zip(row, alive, strict=True))
        columns = report.architecture["normal"].operations
        for cell in report.genotype.cells.values():
            assert all(operation(edge.operation) for edge in cell.edges)
            assert len(cell.edges) == 8


def test_supernets_are_as_large_as_is_said(whole: Whole) -> None:
    said = [report.extras["supernet_parameters"] for report in whole.reports]
    assert said == whole.parameters
    assert said[0] < said[1] < said[2]


def test_what_keeps_the_function_is_measured_to_keep_it(whole: Whole) -> None:
    measured: dict[str, list[float]] = {}
    for report in whole.reports[1:]:
        for change in report.extras["transition"]["changes"]:
            for child in change["added"]:
                measured.setdefault(child["morph"], []).append(child["difference"])
    assert max(measured["k+"]) < 1e-5
    assert min(measured["insert"]) > 0.01
    assert min(measured["d+"]) > 0


def test_another_seed_tells_another_story(whole: Whole) -> None:
    other = Bench({k: v for k, v in TWICE.items() if k != "method"}, 1, "prdarts")
    other.epoch()
    assert other.epoch().extras["transition"] != whole.reports[1].extras["transition"]


# What a transition keeps


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make training steps do nothing, so that only transitions change weights."""

    def step(self: FirstOrder, context: StepContext) -> None:
        _, labels = context.weight_batch()
        context.record(torch.zeros(()), torch.zeros(len(labels), 10), torch.zeros_like(labels))

    monkeypatch.setattr(FirstOrder, "step", step)


def scrambled(supernet: DartsSupernet) -> dict[str, Tensor]:
    """Give every weight and statistic another value, as training does; return them."""
    state = supernet.state_dict()
    for tensor in state.values():
        tensor.add_(torch.rand_like(tensor))
    return {name: tensor.clone() for name, tensor in state.items()}


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize("mode", ["fixed", "faithful"])
def test_survivors_keep_their_weights(bench: Make, mode: str) -> None:
    """All except those that the public code overwrites with their parents'."""
    search = bench(**TWICE, mode=mode)
    search.epoch()
    search.epoch()
    before = scrambled(search.method.current.supernet)
    report = search.epoch()
    after, columns = search.method.current.supernet.state_dict(), report.architecture["normal"].operations
    again = report.extras["transition"]["inherited_again"]
    assert bool(again) == (mode == "faithful")
    kinds = [cell.kind for cell in search.method.current.supernet.cells]
    overwritten = {
        f"cells.{cell}.edges.{heir['edge']}.operations.{columns.index(heir['operation'])}."
        for heir in again
        for cell, kind in enumerate(kinds)
        if kind == heir["cell"]
    }
    changed = {name for name in after if name in before and not torch.equal(after[name], before[name])}
    retried = {
        f"cells.{cell}.edges.{change['edge']}.operations.{columns.index(child['operation'])}."
        for change in report.extras["transition"]["changes"]
        for child in change["added"]
        for cell, kind in enumerate(kinds)
        if kind == change["cell"]
    }
    stems = {name.rpartition(".")[0].rpartition(".")[0] + "." for name in changed}
    assert stems <= overwritten | retried
    assert bool(stems - retried) == (mode == "faithful")
    assert {"stem", "classifier"} <= {name.partition(".")[0] for name in after.keys() & before.keys()}


@pytest.mark.usefixtures("untrained")
def test_another_width_begins_anew_and_says_so(bench: Make) -> None:
    search = bench(**SMALL, added_channels="0,2,2")
    search.epoch()
    report = search.epoch()
    assert [event.kind for event in search.said if isinstance(event, Warned)] == ["weights_not_carried"]
    assert report.extras["transition"]["carried_share"] == 0
    assert {child["difference"] for change in report.extras["transition"]["changes"] for child in change["added"]} == {
        None
    }
    assert search.method.current.supernet.cells[0].width == 4


def test_weights_stay_behind_if_they_are_not_to_be_carried(bench: Make, whole: Whole) -> None:
    search = bench(**TWICE, carry_weights=False)
    before = search.method.current.supernet.state_dict()
    search.epoch()
    mine, other = (report.extras["transition"] for report in (search.epoch(), whole.reports[1]))
    assert [event for event in search.said if isinstance(event, Warned)] == []
    assert (mine["carried_share"], mine["inherited_again"]) == (0, []) and other["carried_share"] > 0
    assert [change["dropped"] for change in mine["changes"]] == [change["dropped"] for change in other["changes"]]
    stem = "stem.0.weight"
    assert not torch.equal(search.method.current.supernet.state_dict()[stem], before[stem])


def test_the_old_supernet_is_gone_before_the_new_one_is_there(bench: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    search = bench(**SMALL)
    search.epoch()
    method, seen = search.method, []
    momentum = next(iter(method.current.weight_optimizer.state.values()))["momentum_buffer"]
    old = [
        weakref.ref(part)
        for part in (method.current.supernet, method.current.weight_optimizer, method.current.architecture_optimizer)
    ]
    old.append(weakref.ref(momentum))
    del momentum
    build = DartsSupernet.__init__

    def watched(self: DartsSupernet, **options: Any) -> None:
        seen.append([part() for part in old])
        build(self, **options)

    monkeypatch.setattr(DartsSupernet, "__init__", watched)
    method.advance()
    assert seen == [[None] * 4]


# Kills


def test_going_on_from_any_phase_is_going_on(bench: Make) -> None:
    """In training, at the end of a stage, just after a transition, and in the last evaluation."""
    check_resumes(bench, TWICE, (1, 3, 4, 8))


class Killed(Exception):
    """Raised by a test to end an engine."""


def test_a_kill_inside_a_transition_goes_on_from_before_it(
    bench: Make, whole: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = bench(**TWICE)
    assert same(search.epoch(), whole.reports[0])  # the same seed tells the same, here and after the kill
    saved = round_trip({"method": search.method.state(), "runtime": search.runtime.state()})

    def die(*_: Any) -> None:
        raise Killed

    monkeypatch.setattr(
        pool_transitions, "inherit_all", die
    )  # the old supernet is gone, and no child has its weights yet
    with pytest.raises(Killed):
        search.method.advance()
    monkeypatch.undo()
    again = bench(**TWICE)
    again.method.load(saved["method"])
    again.runtime.load(saved["runtime"])
    assert all(map(same, whole.reports[1:], again.reports()))


# The batch


def test_a_batch_grows_meets_the_limit_and_steps_back(bench: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(method, "GROWTH_STEPS", 1)
    search = bench(
        **SMALL | {"image_limit": 120, "batch_size": 8, "batch_size_max": 64, "batch_multiple": 8, "memory_limit": 1.0}
    )
    forward, learnt = DartsSupernet.forward, list[int]()

    def limited(self: DartsSupernet, images: Tensor, mixing: Any) -> Tensor:
        if self.training and len(images) > 24:
            raise torch.OutOfMemoryError("simulated")
        return forward(self, images, mixing)

    train = search.method.metrics.train
    accumulate = train.accumulate

    def noting(*results: Result) -> None:
        learnt.append(sum(len(labels) for _, _, labels in results))
        accumulate(*results)

    monkeypatch.setattr(train, "accumulate", noting)
    monkeypatch.setattr(search.runtime, "memory_share", lambda limit: 0.2)
    monkeypatch.setattr(DartsSupernet, "forward", limited)
    reports = search.reports()
    told = [event for event in search.said if isinstance(event, Warned | StageStarted)]
    of_a_stage = ["batch_grown", "batch_grown", "batch_stepped_back"]
    assert [getattr(event, "kind", event.type) for event in told] == [*of_a_stage, *["stage", *of_a_stage] * 2]
    said = [event.message for event in told[:3] if isinstance(event, Warned)]
    assert said[:2] == [f"The batch grows from {a} to {b} images; 20% of the memory." for a, b in ((8, 16), (16, 32))]
    assert said[2] == "32 images do not fit into the memory: the batch is 16 for the rest of the stage."
    assert [report.extras["batch_size"] for report in reports] == [16, 16, 16]
    assert set(learnt) <= {8, 16, 4, 12}
    assert learnt[0] == 8
    assert all(report.metrics["train_loss"] > 0 for report in reports)


def test_a_batch_that_grew_is_resumed_as_it_was(bench: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(method, "GROWTH_STEPS", 2)
    options = SMALL | {"batch_size": 8, "batch_size_max": 16, "memory_limit": 1.0}
    options |= {"epochs": 2, "stage_keep": "4,1", "stage_morphs": "2,0"}
    monkeypatch.setattr("engine.core.runtime.Runtime.memory_share", lambda *_: 0.2)
    check_resumes(bench, options, (3,))


@pytest.mark.parametrize(
    ("options", "batch"),
    [
        ({}, 8),
        ({"memory_limit": 1e-3}, 8),
        ({"batch_size_max": 0, "memory_limit": 64.0}, 8),
        ({"memory_limit": 64.0}, 16),
    ],
    ids=["a processor without a limit", "a limit that is reached", "not asked for", "a limit far away"],
)
@pytest.mark.usefixtures("untrained")
def test_a_batch_grows_only_where_it_may(
    bench: Make, options: dict[str, Any], batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(method, "GROWTH_STEPS", 2)
    search = bench(**SMALL | {"batch_size": 8, "batch_size_max": 16} | options)
    search.method.prepare()
    assert search.epoch().extras["batch_size"] == batch
    kinds = [event.kind for event in search.said if isinstance(event, Warned)]
    assert kinds == (["batch_grown"] if batch > 8 else [] if options else ["batch_kept"])


def test_a_batch_of_which_nothing_fits_ends_the_run(bench: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    from runs.errors import EnvironmentLacksError

    def full(*_: Any) -> Tensor:
        raise torch.OutOfMemoryError("simulated")

    monkeypatch.setattr(DartsSupernet, "forward", full)
    search = bench(**SMALL | {"batch_size": 8, "batch_size_max": 16, "memory_limit": 1.0})
    with pytest.raises(EnvironmentLacksError, match="2 images at once do not fit"):
        search.epoch()


@pytest.mark.parametrize("option", [{"skip_dropout": "0.6"}, {"added_layers": "1"}, {"evaluated_epochs": 1}], ids=str)
def test_every_option_does_something(bench: Make, option: dict[str, Any], whole: Whole) -> None:
    assert not same(bench(**TWICE | {"epochs": 4, "stage_epochs": "2,1,1"} | option).epoch(), whole.reports[0])
