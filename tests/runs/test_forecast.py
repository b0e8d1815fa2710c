"""When waiting runs will probably start."""

from __future__ import annotations

from pathlib import Path

import pytest

from runs.fleet import forecast
from runs.fleet.grid import seed_ranges, seeds_of
from runs.home import RunPaths
from runs.log.summary import Summary
from runs.store.groups import seconds_left
from runs.store.labels import Labels
from runs.store.queue import Document, Entry
from runs.store.record import Record
from runs.store.status import Status


def record(name: str, status: Status = Status.QUEUED, seconds: float = 0.0, eta: float | None = None) -> Record:
    head = {"group": name[0], "sweep": "s"}
    return Record(RunPaths(Path(name)), head, Labels(), Summary(seconds=seconds, eta=eta), status)


KNOWN = {"a": 100.0, "s": 60.0}


def starts(entries: list[Entry], records: list[Record], slots: int = 1, gpus: tuple[int, ...] = ()) -> dict[str, float]:
    return forecast.starts(Document(entries=entries), {found.id: found for found in records}, KNOWN, slots, gpus)


def test_durations_are_those_of_equal_finished_runs_and_of_sweeps() -> None:
    records = [record("a1", Status.FINISHED, 90.0), record("a2", Status.FINISHED, 110.0), record("b1")]
    assert forecast.durations(records) == {"a": 100.0, "s": 100.0}
    assert forecast.duration_of(record("a3"), KNOWN) == 100.0
    assert forecast.duration_of(record("c1"), KNOWN) == 60.0


def test_runs_start_one_after_the_other_as_the_slots_become_free() -> None:
    placed = Entry(run="a1", placed=("cpu:0",), launched=True)
    waiting = [Entry(run="a2"), Entry(run="a3", held=True), Entry(run="c1"), Entry(run="a4")]
    records = [record("a1", Status.RUNNING, 70.0, eta=20.0), *(record(entry.run) for entry in waiting)]
    assert starts([placed, *waiting], records) == {"a2": 20.0, "c1": 120.0, "a4": 180.0}
    assert starts([placed, *waiting], records, slots=2) == {"a2": 0.0, "c1": 20.0, "a4": 80.0}


def test_a_run_waits_for_its_own_gpu_and_for_as_many_as_it_needs() -> None:
    placed = Entry(run="a1", device="cuda", placed=("cuda:0",), launched=True)
    waiting = [Entry(run="a2", device="cuda:0"), Entry(run="a3", device="cuda"), Entry(run="a4", device="cuda", gpus=2)]
    records = [record("a1", Status.RUNNING, 70.0), *(record(entry.run) for entry in waiting)]
    assert starts([placed, *waiting], records, gpus=(0, 1)) == {"a2": 30.0, "a3": 0.0, "a4": 130.0}
    assert starts([placed, waiting[2]], records, gpus=(0,)) == {}


@pytest.mark.parametrize("reason", ["waits for cuda:0 (needs 11.0 GB, free 4.0 GB)"])
def test_nothing_is_foretold_while_somebody_elses_memory_is_waited_for(reason: str) -> None:
    assert starts([Entry(run="a2", device="cuda:0", reason=reason)], [record("a2")], gpus=(0,)) == {}


def test_the_time_left_for_all_needs_one_that_has_finished() -> None:
    assert seconds_left([], [5.0], 3) is None
    assert seconds_left([60.0], [], 0) == 0.0
    assert seconds_left([60.0], [10.0, 70.0], 3) == (50 + 3 * 60) / 2


def test_ranges_of_seeds_are_read_back() -> None:
    assert seed_ranges([3, 0, 1, 2, 7, 9, 8]) == "0-3, 7-9"
    assert seeds_of(seed_ranges([5, 0, 1])) == (0, 1, 5)
