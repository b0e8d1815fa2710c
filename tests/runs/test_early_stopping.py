"""When a run stops early: what each rule says of a history, and what an engine reads from the logs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from runs.configuration import Draft, RunConfig, resolve
from runs.errors import UsageError
from runs.fleet import sweep_planning
from runs.fleet.early_stopping import EarlyStopping, reason_to_stop
from runs.fleet.sweep import Sweep
from runs.fleet.sweep_store import SweepStore
from runs.home import Home
from runs.log.event_log import EventLog
from runs.log.events import EpochEnded, Event, Resumed, Started, Stopped
from runs.log.indicators import COLLAPSED
from runs.stop_rule import stop_rule
from runs.store.run_head import group_id
from runs.store.run_store import RunStore


def course(
    *accuracies: float | None, stage: int = 0, first: int = 1, metric: str = "search_accuracy"
) -> list[EpochEnded]:
    """Return epochs with these accuracies; None is an epoch that was not measured."""
    return [
        EpochEnded(number, 100, stage, metrics={} if accuracy is None else {metric: accuracy, "search_loss": 1.0})
        for number, accuracy in enumerate(accuracies, first)
    ]


def stops(rule: str, epochs: Sequence[EpochEnded], *siblings: Sequence[EpochEnded]) -> bool:
    return reason_to_stop(stop_rule(rule), epochs, siblings) is not None


@pytest.mark.parametrize("text", ["collapse", "plateau:1", "plateau:10", "below-median:5"])
def test_a_rule_is_read_as_it_is_written(text: str) -> None:
    assert str(stop_rule(text)) == text


@pytest.mark.parametrize(
    "text", ["", "colapse", "plateau", "plateau:", "plateau:0", "plateau:-1", "plateau:1.5", "collapse:3", "plateau:٣"]
)
def test_what_is_not_a_rule_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="but must be collapse, plateau:N or below-median:EPOCH"):
        stop_rule(text)


def test_nothing_stops_before_the_first_epoch() -> None:
    assert not any(stops(rule, []) for rule in ("collapse", "plateau:1", "below-median:1"))


def test_a_collapse_is_what_the_engine_calls_one() -> None:
    for value, collapsed in ((True, True), (False, False), (None, False), ("yes", False)):
        assert stops("collapse", [EpochEnded(5, 50, extras={COLLAPSED: value})]) is collapsed


def test_a_plateau_is_so_many_epochs_after_the_best() -> None:
    assert not stops("plateau:3", course(50, 60, 60, 59))
    assert stops("plateau:3", course(50, 60, 60, 59, 58))
    assert not stops("plateau:3", course(50, 60, 60, 59, 60.1))
    reason = reason_to_stop(stop_rule("plateau:3"), course(50, 60, 60, 59, 58))
    assert reason == "search_accuracy has not risen for 3 epochs, the best is 60.00 % after epoch 2"


def test_a_plateau_counts_measured_epochs_of_one_stage() -> None:
    assert not stops("plateau:2", course(60, None, None, 50))
    assert stops("plateau:2", course(60, None, None, 50, None, 40))
    assert not stops("plateau:2", [*course(60, 50), *course(40, 41, stage=1, first=3)])
    assert not stops("plateau:1", course(None, None, None))


def test_a_diverged_run_is_on_a_plateau_and_below_any_median() -> None:
    assert stops("plateau:2", course(math.nan, math.nan, math.nan))
    assert stops("plateau:2", course(10, math.nan, math.nan))
    assert stops("below-median:1", course(math.nan), course(1), course(2))


def test_below_median_compares_the_best_so_far_with_siblings_at_the_same_epoch() -> None:
    siblings = course(50, 60, 99), course(40, 41), course(70, 10)
    assert stops("below-median:2", course(59, 1), *siblings)
    assert not stops("below-median:2", course(60, 1), *siblings)
    reason = reason_to_stop(stop_rule("below-median:2"), course(59, 1), siblings)
    assert reason == "search_accuracy 59.00 % is below the median 60.00 % of 3 other runs after epoch 2"


def test_below_median_waits_for_its_epoch_and_for_two_siblings() -> None:
    ahead = course(90, 91, 92)
    assert not stops("below-median:3", course(1, 1), ahead, ahead)
    assert stops("below-median:3", course(1, 1, 1), ahead, ahead)
    assert not stops("below-median:2", course(1, 1), ahead, course(90))
    assert not stops("below-median:2", course(1, 1), ahead, [])
    assert not stops("below-median:2", course(1, 1), ahead, course(90, 91, metric="test_accuracy"))


# What an engine reads


@pytest.fixture
def store(home: Home) -> RunStore:
    return RunStore(home)


def sweep_of(store: RunStore, rule: str, **draft: object) -> Sweep:
    sweeps = SweepStore(store)
    given = Draft.model_validate({"method": "drnas", "preset": "quick", "stop_when": rule, **draft})
    return sweeps.create(sweep_planning.plan(store, given, range(3), {}))


def write(home: Home, run: str, *events: Event) -> None:
    with EventLog(home.run(run).events) as log:
        for event in events:
            log.append(event)


def early_stopping(store: RunStore, run: str) -> EarlyStopping:
    return EarlyStopping(store.home, RunConfig.read(store.home.run(run).config))


def test_an_engine_reads_the_logs_of_its_sweep_as_they_grow(store: RunStore) -> None:
    first, second, third = (member.run for member in sweep_of(store, "below-median:2").members)
    asked = early_stopping(store, first)
    write(store.home, first, Started(), *course(10))
    for run in (second, third):
        write(store.home, run, Started(), *course(50, 50))
    assert asked.reason() is None
    write(store.home, first, *course(11, first=2))
    assert asked.reason() == "search_accuracy 11.00 % is below the median 50.00 % of 2 other runs after epoch 2"
    write(store.home, third, Resumed(epoch=0))  # it repeats its epochs: they are void
    assert asked.reason() is None


def test_only_siblings_with_comparable_figures_count(store: RunStore) -> None:
    sweeps = SweepStore(store)
    draft = Draft(method="drnas", preset="quick", space="nasbench201", stop_when="below-median:1")
    sweep = sweeps.create(sweep_planning.plan(store, draft, (0, 1), {"method": ("drnas", "gdas")}))
    for member in sweep.members:
        write(store.home, member.run, *course(10 if member.seed == 0 else 50))
    assert early_stopping(store, sweep.members[0].run).reason() is None


@pytest.mark.parametrize("content", [None, "{", '{"id": "x"}'])
def test_without_its_sweep_a_run_goes_on(store: RunStore, content: str | None) -> None:
    sweep = sweep_of(store, "below-median:1")
    for member in sweep.members:
        write(store.home, member.run, *course(10 + member.seed))
    document = store.home.sweeps / sweep.id / "sweep.json"
    assert early_stopping(store, sweep.members[0].run).reason() is not None
    document.unlink() if content is None else document.write_text(content)
    assert early_stopping(store, sweep.members[0].run).reason() is None


def test_a_run_that_is_resumed_after_its_rule_stopped_it_goes_on(store: RunStore) -> None:
    run = sweep_of(store, "plateau:1").members[0].run
    write(store.home, run, Started(), *course(50, 40))
    assert early_stopping(store, run).reason() is not None
    write(store.home, run, Stopped("requested"), Started(), Resumed(2))
    assert early_stopping(store, run).reason() is not None
    write(store.home, run, Stopped("no better", "plateau:1"))
    record = store.find(run)
    assert record.to_json()["early_stop"] == {"rule": "plateau:1", "reason": "no better"}
    write(store.home, run, Started(), Resumed(2), *course(30, first=3))
    assert early_stopping(store, run).reason() is None
    assert store.find(run).to_json()["early_stop"] is None


def test_the_rule_is_frozen_and_only_runs_with_one_have_another_group() -> None:
    plain, ruled = (resolve(Draft(method="drnas", preset="quick", stop_when=rule)) for rule in ("", "plateau:3"))
    assert ruled.stop_when == "plateau:3"
    assert "--stop-when plateau:3" in ruled.command and "--stop-when" not in plain.command
    assert group_id(plain) != group_id(ruled)
    raw = plain.model_dump(exclude={"stop_when"})
    assert group_id(type(plain).model_validate(raw)) == group_id(plain)
