"""A run's state is folded from its events: the summary for lists, and the whole history of one run."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.home import RunPaths
from runs.log.event_log import EventLog, EventLogReader
from runs.log.events import (
    CheckpointWritten,
    Continued,
    Entry,
    EpochEnded,
    Event,
    Failed,
    Finished,
    Paused,
    Progress,
    Resumed,
    StageStarted,
    Started,
    Stopped,
    Warned,
)
from runs.log.history import Follower, History, load
from runs.log.summary import Summary
from tests.runs.strategies import events
from tests.synthetic import course

Fold = TypeVar("Fold", Summary, History)


def fold(state: Fold, *said: Event) -> Fold:
    for place, event in enumerate(said, start=1):
        state.apply(Entry(float(place), place, event))
    return state


def epoch(number: int, **fields: Any) -> EpochEnded:
    return EpochEnded(**{"epoch": number, "epochs": 10, "seconds": 2.0} | fields)


def epochs(*numbers: int) -> list[EpochEnded]:
    return [epoch(number) for number in numbers]


def write(paths: RunPaths, *said: Event) -> None:
    paths.root.mkdir(parents=True, exist_ok=True)
    with EventLog(paths.events) as event_log:
        for event in said:
            event_log.append(event)


@pytest.fixture
def paths(tmp_path: Path) -> RunPaths:
    return RunPaths(tmp_path / "run")


@pytest.mark.parametrize(
    ("last", "said", "ended"),
    [
        (Started(), "started", False),
        (Paused(), "paused", False),
        (Continued(), "started", False),
        (Stopped(), "stopped", True),
        (Finished(), "finished", True),
        (Failed(), "failed", True),
        (Warned(), "started", False),
        (CheckpointWritten(), "started", False),
        (Progress(), "started", False),
    ],
)
def test_the_newest_lifecycle_event_is_what_is_said(last: Event, said: str, ended: bool) -> None:
    summary = fold(Summary(), Started(), last)
    assert summary.lifecycle == said
    assert summary.ended == (2.0 if ended else None)
    assert summary.touched == 2.0


def test_starting_again_clears_the_end_and_the_problem_but_not_the_beginning() -> None:
    summary = fold(Summary(), Started(), Failed("no room", "free some"), Started(), Resumed(epoch=0))
    assert (summary.started, summary.ended, summary.problem, summary.hint) == (1.0, None, "", "")


def test_a_failure_says_what_and_what_next() -> None:
    summary = fold(Summary(), Started(), Failed("no room", "free some", "Traceback ..."))
    assert (summary.problem, summary.hint) == ("no room", "free some")


def test_best_is_the_highest_accuracy_and_the_lowest_loss() -> None:
    told = [{"search_accuracy": 70.0, "search_loss": 1.0}, {"search_accuracy": 90.0, "search_loss": 3.0}]
    told += [{"search_accuracy": 80.0, "search_loss": 2.0}]
    summary = fold(Summary(), *(epoch(n, metrics=metrics) for n, metrics in enumerate(told, start=1)))
    assert summary.metrics == {"search_accuracy": 80.0, "search_loss": 2.0}
    assert summary.best == {"search_accuracy": 90.0, "search_loss": 1.0}


@given(st.lists(st.floats() | st.just(math.nan), min_size=1, max_size=6), st.sampled_from(["loss", "accuracy"]))
def test_a_metric_that_is_no_number_is_never_the_best(values: list[float], name: str) -> None:
    summary = fold(Summary(), *(epoch(n, metrics={name: value}) for n, value in enumerate(values, start=1)))
    numbers = [value for value in values if not math.isnan(value)]
    assert summary.best == ({name: (min if name == "loss" else max)(numbers)} if numbers else {})


def test_the_genotype_stands_since_its_last_change() -> None:
    first, second = {"cells": 1}, {"cells": 2}
    summary = Summary()
    stood = [fold(summary, epoch(n, genotype=g)).stood for n, g in enumerate([first, first, second, second, second], 1)]
    assert stood == [0, 1, 0, 1, 2]


def test_epochs_done_again_count_once_for_how_long_the_genotype_stood() -> None:
    first, second = {"cells": 1}, {"cells": 2}
    done = [epoch(n, genotype=first if n < 4 else second) for n in (1, 2, 3, 4, 5)]
    whole = fold(Summary(), *done)
    resumed = fold(Summary(), *done, Started(), Resumed(epoch=3))
    assert resumed.stood == 0
    assert fold(resumed, *done[3:]).stood == whole.stood == 1


def test_finishing_keeps_the_last_genotype_and_tells_the_costs() -> None:
    last = {"cells": 1}
    summary = fold(Summary(), epoch(1, genotype=last), Finished(None, 10, 20, "16 channels"))
    assert (summary.genotype, summary.parameters, summary.macs, summary.network) == (last, 10, 20, "16 channels")


def test_resuming_goes_back_to_the_checkpoint() -> None:
    summary = fold(Summary(), Started(), *epochs(1, 2, 3), Started(), Resumed(epoch=1))
    assert (summary.epoch, summary.lifecycle) == (1, "started")


def test_history_keeps_epochs_in_order() -> None:
    history = fold(History(), *epochs(1, 2, 3))
    assert history.epochs == epochs(1, 2, 3)
    assert history.summary.epoch == 3


def test_resuming_voids_the_epochs_after_the_checkpoint() -> None:
    history = fold(History(), Started(), *epochs(1, 2, 3), Progress(epoch=4), Started(), Resumed(epoch=1))
    assert history.epochs == epochs(1)
    assert history.progress is None
    fold(history, epoch(2, seconds=9.0))
    assert history.epochs == [epoch(1), epoch(2, seconds=9.0)]


def test_epochs_told_twice_are_one_series() -> None:
    again = [epoch(2, seconds=9.0), epoch(3, seconds=9.0)]
    assert fold(History(), *epochs(1, 2, 3), *again).epochs == [epoch(1), *again]


@given(st.lists(st.integers(1, 8), max_size=20))
def test_epochs_rise_whatever_is_told(numbers: list[int]) -> None:
    told = [done.epoch for done in fold(History(), *epochs(*numbers)).epochs]
    assert told == sorted(set(told))
    assert told[-1:] == numbers[-1:]


def test_history_keeps_stages_warnings_and_the_newest_environment() -> None:
    stages = [StageStarted(0, 2, 5, "wide"), StageStarted(1, 2, 5, "narrow")]
    history = fold(
        History(),
        Started({"device": "cpu"}),
        stages[0],
        *epochs(1, 2),
        stages[1],
        Warned("skip", "mostly skips"),
        Started({"device": "cuda:0"}),
    )
    assert history.stages == [(0, stages[0]), (2, stages[1])]
    assert history.warnings == [(6.0, Warned("skip", "mostly skips"))]
    assert history.environment == {"device": "cuda:0"}


def test_resuming_before_a_stage_voids_it() -> None:
    stages = [StageStarted(0, 2), StageStarted(1, 2)]
    history = fold(History(), Started(), stages[0], *epochs(1, 2), stages[1], *epochs(3), Started(), Resumed(epoch=1))
    assert history.stages == [(0, stages[0])]


def test_a_follower_sees_what_loading_sees(paths: RunPaths) -> None:
    follower = Follower(paths)
    for event in course(4, 4):
        write(paths, event)
        assert [entry.event for entry in follower.update()] == [event]
    assert follower.update() == []
    assert follower.history == load(paths)
    assert follower.history.summary.lifecycle == "finished"


def test_a_follower_begins_again_with_a_log_that_has_shrunk(paths: RunPaths) -> None:
    write(paths, Started(), Warned("old", "news"), *epochs(1, 2, 3))
    follower = Follower(paths)
    follower.update()
    paths.events.unlink()
    write(paths, *epochs(1))
    follower.update()
    assert follower.history == load(paths)
    assert follower.history.epochs == epochs(1)
    assert follower.history.warnings == []


def test_a_follower_counts_what_was_no_event(paths: RunPaths) -> None:
    write(paths, Started())
    with paths.events.open("ab") as stream:
        stream.write(b"garbage\n")
    follower = Follower(paths)
    follower.update()
    assert follower.malformed == 1


@given(st.lists(events(), max_size=8))
def test_no_event_upsets_a_fold(said: list[Event]) -> None:
    history = fold(History(), *said)
    # Compared as text, because NaN is not equal to itself.
    assert repr(history.summary) == repr(fold(Summary(), *said))


@given(st.lists(events(), max_size=8), st.data())
def test_a_summary_goes_on_from_a_saved_offset(
    tmp_path_factory: pytest.TempPathFactory, said: list[Event], data: st.DataObject
) -> None:
    paths = RunPaths(tmp_path_factory.mktemp("folds"))
    write(paths, *said)
    whole = Summary()
    for entry in EventLogReader(paths.events).read():
        whole.apply(entry)

    lines = paths.events.read_bytes().splitlines(keepends=True)
    seen = b"".join(lines[: data.draw(st.integers(0, len(lines)), "lines seen")])
    torn = b"".join(lines)[: len(seen) + data.draw(st.integers(0, 5), "bytes of a torn line")]
    paths.events.write_bytes(torn)
    first, reader = Summary(), EventLogReader(paths.events)
    for entry in reader.read():
        first.apply(entry)
    paths.events.write_bytes(b"".join(lines))
    saved = json.loads(json.dumps({"offset": reader.offset, "summary": first.to_json()}))
    second = Summary.from_json(saved["summary"])
    for entry in EventLogReader(paths.events, saved["offset"]).read():
        second.apply(entry)
    assert repr(second) == repr(whole)


def test_a_table_answers_with_its_longest_training() -> None:
    known = {"cifar10": {"valid (12 epochs)": 80.1, "test (12 epochs)": 85.47, "test (200 epochs)": 93.09}}
    assert fold(Summary(), epoch(1, benchmark=known)).judged_on("cifar10") == ("cifar10", "test (200 epochs)")


@pytest.mark.parametrize(("own", "judge"), [("cifar100", "cifar100"), ("digits", "cifar10")])
def test_a_table_answers_for_the_data_set_of_the_run_if_it_has_it(own: str, judge: str) -> None:
    known = {"cifar10": {"test (200 epochs)": 93.09}, "cifar100": {"test (200 epochs)": 70.2}}
    assert fold(Summary(), epoch(1, benchmark=known)).judged_on(own) == (judge, "test (200 epochs)")


def test_no_table_answers_for_a_run_without_one() -> None:
    assert fold(Summary(), epoch(1)).judged_on("cifar10") is None
