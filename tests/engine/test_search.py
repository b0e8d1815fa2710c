"""The differentiable search, driven unit by unit."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from engine.method import EpochReport
from engine.search.loop import DifferentiableSearch
from engine.search.stages import Stage
from engine.search.step import EpochContext, Handover
from runs.errors import NastuiError
from runs.log.events import StageStarted
from tests.engine.conftest import Bench, check_resumes, round_trip, same

Make = Callable[..., Bench]


# One batch in each of two epochs.
BRIEF = {"image_limit": 64}


@pytest.fixture(scope="module")
def brief() -> list[EpochReport]:
    """Return the reports of a brief search with the default options."""
    torch.set_num_threads(1)
    return Bench(BRIEF).reports()


@pytest.fixture(scope="module")
def whole() -> list[EpochReport]:
    """Return the reports of the default search, which was neither interrupted nor changed."""
    torch.set_num_threads(1)
    return Bench({}).reports()


def test_an_epoch_tells_everything_a_viewer_draws(bench: Make) -> None:
    search = bench()
    search.method.prepare()
    report = search.epoch()
    assert search.said[1:] == [StageStarted(0, 1, 2, "search")]
    told = {f"{what}_{figure}" for what in ("train", "search", "derived") for figure in ("accuracy", "loss")}
    assert set(report.metrics) == told
    assert 0 <= report.metrics["search_accuracy"] <= 100
    cell = report.architecture["cell"]
    assert (len(cell.edges), len(cell.operations)) == (6, 5)
    assert all(sum(row) == pytest.approx(1, abs=1e-5) for row in cell.weights)
    assert cell.chosen == [row.index(max(row)) for row in cell.weights]
    assert set(cell.extras) == {"concentration", "argmax_probability"}
    assert all(sum(row) == pytest.approx(1, abs=1e-3) for row in cell.extras["argmax_probability"])
    assert report.extras["entropy"]["cell"][0] == pytest.approx(math.log(5), abs=0.1)
    assert 1 <= report.extras["distinct_samples"]["cell"] <= 100
    assert sum(report.extras["operations"]["cell"].values()) == 6
    assert report.genotype.space == "nasbench201"


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others(bench: Make) -> None:
    first, again, other = bench(seed=4).reports(), bench(seed=4).reports(), bench(seed=5).reports()
    assert all(map(same, first, again))
    assert not same(first[0], other[0])


def test_going_on_from_a_state_is_going_on(bench: Make, whole: list[EpochReport]) -> None:
    """At the start, during training, during evaluation, and in the second epoch; and saving changes nothing."""
    reports = check_resumes(bench, {}, (0, 1, 4, 5, 6, 9))
    assert len(reports) == len(whole)
    assert all(map(same, whole, reports))


def test_alpha_stays_still_while_it_is_frozen(bench: Make) -> None:
    search = bench(arch_frozen_epochs=1)
    start = search.method.current.architecture.alphas["cell"].clone()
    report = search.epoch()
    assert torch.equal(search.method.current.architecture.alphas["cell"], start)
    assert report.learning_rates["architecture"] == 0
    search.epoch()
    assert not torch.equal(search.method.current.architecture.alphas["cell"], start)


def test_each_phase_changes_its_own_level_alone(bench: Make) -> None:
    search = bench().method
    weights = {name: value.clone() for name, value in search.current.supernet.named_parameters()}
    search.current.supernet.train()
    alpha = search.current.architecture.alphas["cell"].clone()
    search.step_context.trains_architecture = True
    search.batches.prepare(("architecture", "weights"), torch.arange(16))
    search.components.update.architecture_phase(search.step_context)  # type: ignore[attr-defined]
    assert not torch.equal(search.current.architecture.alphas["cell"], alpha)
    assert all(torch.equal(value, weights[name]) for name, value in search.current.supernet.named_parameters())
    assert all(value.grad is None for value in search.current.supernet.parameters())
    alpha = search.current.architecture.alphas["cell"].clone()
    search.components.update.weight_phase(search.step_context)  # type: ignore[attr-defined]
    assert torch.equal(search.current.architecture.alphas["cell"], alpha)
    assert any(not torch.equal(value, weights[name]) for name, value in search.current.supernet.named_parameters())


@pytest.mark.parametrize(
    "option",
    [
        {"regulariser": "kl"},
        {"regulariser_scale": 0.5},
        {"clip_scope": "all", "gradient_clip": 0.05},
        {"gradient_clip": 0.05},
        {"batch_norm": "batch"},
        {"split": "positional"},
        {"cutout_length": 6},
        {"arch_init_scale": 1.0},
        {"arch_beta1": 0.9},
        {"arch_beta2": 0.5},
        {"momentum": 0.0},
        {"weight_decay": 0.1},
        {"learning_rate": 0.01},
        {"learning_rate_min": 0.04},
        {"arch_learning_rate": 0.1},
        {"batch_size": 16},
        {"cells": 2},
        {"channels": 6},
        {"precision": "bfloat16"},
    ],
    ids=str,
)
def test_every_option_does_something(bench: Make, brief: list[EpochReport], option: dict[str, Any]) -> None:
    assert not same(brief[-1], bench(**BRIEF | option).reports()[-1])


def test_sampled_accuracy_is_an_extra_on_request(bench: Make) -> None:
    assert "sampled_accuracy" in bench(sampled_accuracy=True).epoch().metrics


def test_the_derived_cell_is_measured_in_the_supernet(bench: Make) -> None:
    """For a decided architecture, the supernet equals the derived cell; for an undecided one, the losses differ."""
    trained = bench(epochs=3, arch_frozen_epochs=2)
    with torch.no_grad():
        alpha = trained.method.current.architecture.alphas["cell"].fill_(-60.0)
        alpha[range(6), [3, 1, 3, 2, 4, 1]] = 1.0
    decided = trained.epoch().metrics
    assert decided["derived_loss"] == pytest.approx(decided["search_loss"], rel=1e-5)
    undecided = bench().epoch().metrics
    assert undecided["derived_loss"] != pytest.approx(undecided["search_loss"], rel=1e-4)
    assert "derived_loss" not in bench(derived_accuracy=False).epoch().metrics


def test_clip_scope_all_counts_the_gradient_of_alpha(bench: Make) -> None:
    weights, everything = bench(epochs=1).reports()[0], bench(epochs=1, clip_scope="all").reports()[0]
    assert everything.extras["gradient_norm"] > weights.extras["gradient_norm"]


def test_clipping_is_counted(bench: Make) -> None:
    assert bench(gradient_clip=0.001).epoch().extras["clipped_share"] == 1
    assert bench(gradient_clip=0).epoch().extras["clipped_share"] == 0


def test_the_rate_follows_the_cosine(bench: Make) -> None:
    rates = [report.learning_rates["weights"] for report in bench(learning_rate=0.1, learning_rate_min=0.02).reports()]
    assert rates == pytest.approx([0.1, 0.06])


def test_a_loss_that_explodes_ends_the_run_with_advice(bench: Make) -> None:
    with pytest.raises(NastuiError, match=r"no longer finite.*Lower learning_rate"):
        bench(learning_rate=10.0, gradient_clip=0, epochs=30, weight_decay=1.0).reports()


def test_the_memory_order_changes_speed_not_results(bench: Make) -> None:
    last, first = (bench(channels_last=order, epochs=1).reports()[0] for order in (True, False))
    assert last.metrics["train_loss"] == pytest.approx(first.metrics["train_loss"], rel=1e-3)


def pruned(context: EpochContext) -> Handover:
    """End a stage with the three operations of largest alpha on every edge, and start the next one with them."""
    alpha = context.state.architecture.alphas["cell"]
    kept = alpha.topk(3).indices.sort().values.tolist()
    return Handover({"cell": tuple(tuple(row) for row in kept)}, restore=lambda _: None)


def two_stages(bench: Make) -> DifferentiableSearch:
    method = bench().method
    stages = (Stage(1, title="wide", transition=pruned), Stage(1, frozen_epochs=1, title="narrow"))
    return DifferentiableSearch(method.context, dataclasses.replace(method.components, stages=stages))


def test_a_plan_of_stages_changes_what_is_alive(bench: Make) -> None:
    search = two_stages(bench)
    said = search.context.emit.__self__  # type: ignore[attr-defined]
    said.clear()
    search.prepare()
    reports = [report for _ in range(100) if search.epoch < 2 and (report := search.advance())]
    assert [event.title for event in said] == ["wide", "narrow"]
    first, second = (report.architecture["cell"] for report in reports)
    assert all(map(all, first.alive))
    assert all(sum(row) == 3 for row in second.alive)
    assert all(
        weight == 0
        for row, alive in zip(second.weights, second.alive, strict=True)
        for weight, there in zip(row, alive, strict=True)
        if not there
    )
    assert reports[1].extras["architecture_frozen"]


def test_going_on_inside_a_plan_of_stages(bench: Make) -> None:
    def finish(search: DifferentiableSearch) -> list[EpochReport]:
        return [report for _ in range(100) if search.epoch < 2 and (report := search.advance())]

    whole = finish(two_stages(bench))
    assert len(whole) == 2
    before = two_stages(bench)
    reports: list[EpochReport] = []
    saved = []
    for done in range(9):
        if done in (3, 6, 8):
            state = round_trip({"method": before.state(), "runtime": before.context.runtime.state()})
            saved.append((state, len(reports)))
        if report := before.advance():
            reports.append(report)
    assert len(reports) == 1
    assert same(whole[0], reports[0])
    for state, epochs in saved:
        after = two_stages(bench)
        after.load(state["method"])
        after.context.runtime.load(state["runtime"])
        rest = finish(after)
        assert len(rest) == 2 - epochs
        assert all(map(same, whole[epochs:], rest))
