"""Black-box searches as runs on a made-up table: the budget, their reports, resuming, and what they reject."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.assembly import assemble
from engine.black_box.encoding import coding
from engine.black_box.one_shot import OneShotSearch
from engine.black_box.search import BlackBoxSearch, make_evaluator
from engine.method import Context, EpochReport
from runs import catalogue
from runs.benchmarks import store, tabular_queries
from runs.benchmarks.table import Table
from runs.configuration import Draft, resolve
from runs.errors import EnvironmentLacksError, UsageError
from runs.genotypes import nasbench201
from runs.genotypes.nasbench201 import TOPOLOGY
from runs.home import Home
from runs.log.events import StageStarted
from runs.store.run_store import RunStore
from runs.supervision import new_run
from tests.engine.conftest import round_trip, same
from tests.tabulated import lines

METHODS = ["random_search", "evolution", "local_search", "reinforce"]


def seconds(code: int) -> int:
    return 100 + code % 7


@pytest.fixture(scope="module")
def timed(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with a table that includes seconds, 100 to 106 per query."""
    home = Home(tmp_path_factory.mktemp("timed"))
    header, *rows = lines()
    rows = [f"{row},{seconds(code)}" for code, row in enumerate(rows)]
    return imported(home, [f"{header},digits_valid_12_seconds", *rows])


@pytest.fixture(scope="module")
def untimed(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with a table that has only accuracies."""
    return imported(Home(tmp_path_factory.mktemp("untimed")), lines())


def imported(home: Home, content: list[str]) -> Home:
    home.root.mkdir(exist_ok=True)
    file = home.root / "table.csv"
    file.write_text("\n".join(content) + "\n", encoding="utf-8")
    store.import_csv(file, home)
    return home


def table(home: Home) -> Table:
    found = store.for_space(home, "nasbench201")
    assert found is not None
    return found


def no_images(*arguments: Any, **options: Any) -> Any:
    raise AssertionError("a search on a table needs no image")


def make(
    home: Home, method: str, *, seed: int = 0, dataset: str = "digits", **options: Any
) -> tuple[Context, BlackBoxSearch]:
    options = {"threads": 1} | options
    draft = Draft(method=method, preset="quick", dataset=dataset, device="cpu", seed=seed, options=options)
    said: list[Any] = []
    context, search = assemble(resolve(draft), Path(), said.append, no_images, folder=home.run("some-run").root)
    assert isinstance(search, BlackBoxSearch)
    search.prepare()
    assert isinstance(said[-1], StageStarted)
    return context, search


def work(search: BlackBoxSearch) -> list[EpochReport]:
    reports = []
    while search.epoch < search.epochs:
        if report := search.advance():
            reports.append(report)
    return reports


@pytest.mark.parametrize("method", METHODS)
def test_the_budget_in_queries_is_kept(untimed: Home, method: str) -> None:
    _, search = make(untimed, method, queries=23, epoch_queries=5)
    assert search.epochs == 5
    reports = work(search)
    assert [report.metrics["queries"] for report in reports] == [5, 10, 15, 20, 23]
    assert [len(report.extras["queried"]) for report in reports] == [5, 5, 5, 5, 3]
    assert "simulated_seconds" not in reports[-1].metrics
    assert search.weights() == {}


@settings(max_examples=20)
@given(method=st.sampled_from(METHODS), budget=st.floats(1, 4000), length=st.integers(1, 12))
def test_the_query_that_spends_the_seconds_is_the_last(timed: Home, method: str, budget: float, length: int) -> None:
    _, search = make(timed, method, queries=500, budget_seconds=budget, epoch_queries=length)
    reports = work(search)
    queried = [cell for report in reports for cell, _ in report.extras["queried"]]
    spent = [seconds(TOPOLOGY.number(nasbench201.genotype(cell))) for cell in queried]
    assert sum(spent[:-1]) < budget <= sum(spent) == reports[-1].metrics["simulated_seconds"]
    assert search.epoch == search.epochs == len(reports)


@pytest.mark.parametrize("method", METHODS)
def test_the_result_is_the_best_cell_that_was_evaluated(untimed: Home, method: str) -> None:
    context, search = make(untimed, method)
    seen: list[tuple[list[int], float]] = []
    for report in work(search):
        told = report.extras["queried"]
        seen += told
        best, accuracy = max(seen, key=lambda answered: answered[1])
        assert nasbench201.operation_indices(report.genotype) == best
        assert report.metrics["search_accuracy"] == accuracy
        row = table(untimed).row(report.genotype)
        assert row is not None
        assert report.metrics["table_test_accuracy"] == pytest.approx(row[1], rel=1e-6)
        assert report.metrics["regret"] == pytest.approx(90 - row[1], abs=1e-3)
        mean = sum(accuracy for _, accuracy in told) / len(told)
        assert report.metrics["queried_accuracy"] == pytest.approx(mean)
        for snapshot in report.architecture.values():
            assert snapshot.chosen == best
            assert all(math.isclose(sum(row), 1) for row in snapshot.weights)
    assert bool(report.architecture) == (method in ("evolution", "reinforce"))
    assert search.genotype() == report.genotype
    costs, _ = context.space.costs(search.genotype(), context.images.size)
    assert costs.parameters > 0


@pytest.mark.parametrize("method", METHODS)
def test_resumed_in_the_middle_it_ends_the_same(timed: Home, method: str) -> None:
    options = {"queries": 60, "epoch_queries": 7, "budget_seconds": 5000}
    context, whole = make(timed, method, **options)
    saved, reports, done = {}, [], 0
    while whole.epoch < whole.epochs:
        if done in (0, 3, 14, 33, 47):
            state = {"method": whole.state(), "runtime": context.runtime.state()}
            saved[done] = round_trip(state), len(reports)
        if report := whole.advance():
            reports.append(report)
        done += 1
    assert len(saved) == 5
    for state, epochs in saved.values():
        context, again = make(timed, method, **options)
        again.load(state["method"])
        context.runtime.load(state["runtime"])
        rest = work(again)
        assert len(rest) == len(reports) - epochs
        assert all(map(same, rest, reports[epochs:]))
        assert (again.epochs, again.position()) == (whole.epochs, whole.position())


@pytest.mark.parametrize("method", METHODS)
def test_seeds_differ_and_repeat(untimed: Home, method: str) -> None:
    first, other, again = (make(untimed, method, seed=seed)[1] for seed in (1, 2, 1))
    reports = work(first)
    assert all(map(same, reports, work(again)))
    assert not all(map(same, reports, work(other)))


def test_it_can_be_profiled_beyond_its_end(untimed: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NASTUI_HOME", str(untimed.root))
    draft = Draft(method="local_search", preset="quick", dataset="digits", device="cpu", options={"queries": 7})
    _, search = assemble(resolve(draft), Path(), lambda event: None, no_images)
    search.prepare()
    for _ in range(40):
        search.advance()
    assert search.position().of == 5


# What is rejected


def test_a_table_without_the_data_set_creates_nothing(home: Home) -> None:
    runs = RunStore(home)
    with pytest.raises(UsageError, match="has no accuracy of 'digits'") as refusal:
        new_run.start(runs, Draft(method="evolution", dataset="digits", device="cpu"))
    assert "cifar10 valid (12 epochs)" in refusal.value.hint
    assert runs.records() == []


def gaps(content: list[str]) -> list[str]:
    return [*content[:-1], content[-1].rsplit(",", 1)[0] + ","]


@pytest.mark.parametrize(
    ("change", "named"),
    [(gaps, r"no digits test \(200 epochs\) for 1 cells"), (lambda content: content[:-3], "for 3 cells")],
)
def test_a_table_with_gaps_is_refused(home: Home, change: Callable[[list[str]], list[str]], named: str) -> None:
    imported(home, change(lines()))
    with pytest.raises(EnvironmentLacksError, match=named):
        new_run.start(RunStore(home), Draft(method="random_search", dataset="digits", device="cpu"))
    assert RunStore(home).records() == []


def test_a_table_without_another_data_set_is_refused(untimed: Home) -> None:
    with pytest.raises(UsageError, match=r"has no accuracy of 'cifar10'.*It has: digits"):
        new_run.start(RunStore(untimed), Draft(method="random_search", dataset="cifar10", device="cpu"))
    assert RunStore(untimed).records() == []


def test_a_damaged_table_is_named(home: Home) -> None:
    home.benchmarks.mkdir(parents=True)
    (home.benchmarks / "nasbench201.table").write_bytes(b"nothing")
    with pytest.raises(UsageError, match=r"nasbench201\.table' is not a benchmark table"):
        new_run.start(RunStore(home), Draft(method="random_search", device="cpu"))


def test_a_budget_in_seconds_needs_a_table_with_seconds(untimed: Home) -> None:
    with pytest.raises(EnvironmentLacksError, match="budget_seconds=0"):
        make(untimed, "random_search", budget_seconds=12_000)


def test_a_resumed_search_keeps_its_table(timed: Home, untimed: Home) -> None:
    _, begun = make(timed, "random_search")
    begun.advance()
    _, other = make(untimed, "random_search")
    with pytest.raises(UsageError, match="not the one that this run began with"):
        other.load(begun.state())


# Evaluation by training


TRAINING = {
    "evaluator": "training",
    "queries": 4,
    "epoch_queries": 2,
    "training_epochs": 2,
    "channels": 4,
    "cells": 1,
    "image_limit": 200,
    "image_size": 8,
    "learning_rate": 0.1,
    "threads": 1,
}


def trained(seed: int = 0, **options: Any) -> tuple[Context, BlackBoxSearch]:
    draft = Draft(method="evolution", dataset="digits", device="cpu", seed=seed, options=TRAINING | options)
    context, search = assemble(resolve(draft), Path(), lambda event: None)
    assert isinstance(search, BlackBoxSearch)
    return context, search


def test_a_training_evaluates_without_a_table() -> None:
    _, search = trained()
    reports = work(search)
    assert [report.metrics["queries"] for report in reports] == [2, 4]
    answered = [accuracy for report in reports for _, accuracy in report.extras["queried"]]
    assert len(set(answered)) > 1
    assert reports[-1].metrics["search_accuracy"] == max(answered)
    assert "table_test_accuracy" not in reports[-1].metrics
    # Two epochs with batches of 64 and 36 images, for each of four queries.
    assert search.position().images == 800


def test_a_good_cell_beats_one_that_learns_nothing() -> None:
    context, _ = trained(training_epochs=8, image_limit=600, batch_size=32)
    evaluator = make_evaluator(context, coding(context.space.entry))
    found = []
    for cell in ((3, 3, 3, 1, 3, 3), (0, 0, 0, 0, 0, 0)):
        while (answer := evaluator.advance(cell)) is None:
            pass
        assert answer.seconds > 0
        found.append(answer.accuracy)
    assert found[0] > 35
    assert found[1] < 20


@pytest.mark.parametrize(("method", "space"), [("evolution", "nasbench201"), ("random_search", "darts")])
def test_a_one_shot_search_continues_from_either_stage(method: str, space: str) -> None:
    options = TRAINING | {"evaluator": "supernet", "layers": 3} | ({"batch_norm": "batch"} if space != "darts" else {})
    known = catalogue.options(catalogue.method(method), catalogue.space(space)).model_fields
    options = {name: value for name, value in options.items() if name in known}

    def begun() -> tuple[Context, OneShotSearch, list[Any]]:
        draft = Draft(method=method, space=space, preset="quick", dataset="digits", device="cpu", options=options)
        said: list[Any] = []
        context, search = assemble(resolve(draft), Path(), said.append)
        assert isinstance(search, OneShotSearch)
        return context, search, said

    context, whole, said = begun()
    whole.prepare()
    assert (whole.epochs, whole.stage) == (4, 0)
    reports: list[EpochReport] = []
    saved: list[tuple[Any, int]] = []
    while whole.epoch < whole.epochs:
        # In the middle of an epoch of weight training, and in the middle of an epoch of queries.
        if (whole.epoch, whole.position().step) in ((1, 1), (3, 1)):
            saved.append((round_trip({"method": whole.state(), "runtime": context.runtime.state()}), whole.epoch))
        if report := whole.advance():
            reports.append(report)
    stages = [event for event in said if isinstance(event, StageStarted)]
    assert [(stage.index, stage.of, stage.epochs, stage.title) for stage in stages] == [
        (0, 2, 2, "shared weights"),
        (1, 2, 2, "queries"),
    ]
    assert "train_loss" in reports[1].metrics
    assert [report.metrics.get("queries") for report in reports] == [None, None, 2, 4]
    answered = [accuracy for report in reports[2:] for _, accuracy in report.extras["queried"]]
    assert reports[-1].metrics["search_accuracy"] == max(answered)
    assert any(name.startswith("supernet.") for name in whole.weights())
    assert len(saved) == 2
    for state, epoch in saved:
        context, again, _ = begun()
        again.load(state["method"])
        context.runtime.load(state["runtime"])
        rest = []
        while again.epoch < again.epochs:
            if report := again.advance():
                rest.append(report)
        assert len(rest) == len(reports) - epoch
        assert all(map(same, rest, reports[epoch:]))


def test_the_seconds_of_trainings_are_a_budget() -> None:
    _, search = trained(queries=1000, epoch_queries=1, budget_seconds=0.3)
    reports = work(search)
    spent = [report.metrics["training_seconds"] for report in reports]
    assert spent == sorted(spent)
    assert len(spent) < 2 or spent[-2] < 0.3
    assert spent[-1] >= 0.3
    assert len(reports) == search.epochs < 1000


@pytest.mark.parametrize(
    ("method", "space", "options", "says"),
    [
        ("evolution", None, {"channels": 8}, "channels has no effect with evaluator=table"),
        ("reinforce", None, {"learning_rate": 0.5}, "learning_rate has no effect with evaluator=table"),
        ("random_search", "darts", {"evaluator": "table"}, "has no effect with evaluator=table"),
        ("evolution", None, {"evaluator": "training", "batch_norm": "batch"}, "batch_norm has no effect"),
        (
            "evolution",
            None,
            {"evaluator": "supernet", "budget_seconds": 3},
            "budget_seconds=3 has no effect",
        ),
        ("random_search", None, {"evaluator": "oracle"}, r"table \| training \| supernet"),
    ],
)
def test_settings_that_would_do_nothing_are_refused(
    method: str, space: str | None, options: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        resolve(Draft(method=method, space=space, preset="quick", device="cpu", options=options))


def test_no_table_has_all_cells_of_darts(home: Home) -> None:
    with pytest.raises(UsageError, match="No table has all cells of 'darts'"):
        tabular_queries.answers(home, "darts", "cifar10")


def test_only_a_search_on_a_table_needs_no_image() -> None:
    def asks(name: str, **values: Any) -> bool:
        return catalogue.method(name).asks_table(values)

    assert all(asks(name) for name in METHODS)
    assert not any(asks(name, evaluator="training") for name in METHODS)
    assert not asks("drnas")
    assert not asks("retrain")
