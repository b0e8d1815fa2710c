"""Looking again and again: what has changed is noticed, at a fraction of the cost of a listing."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from runs.home import Home
from runs.log.event_log import EventLog
from runs.log.events import Started, Warned
from runs.store import activity, folder_watch
from runs.store.activity import Activity, boot_id
from runs.store.lock import engine_lock
from runs.store.record import Record
from runs.store.run_states import RunStates
from runs.store.run_store import RunStore
from runs.store.status import Status
from tests.runs.processes import lock_holder
from tests.synthetic import make_run


def looked_at(monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], list[str]]:
    """Return two lists: the folders whose times are examined from now on, and the runs that are read."""
    glances: list[str] = []
    reads: list[str] = []
    modified, read = folder_watch.folder_time, RunStates.read

    def noting_glance(folder: str, *before: int) -> int:
        glances.append(Path(folder).name)
        return modified(folder, *before)

    def noting_read(states: RunStates, name: str, known: Record | None) -> tuple[Record, bool] | None:
        reads.append(name)
        return read(states, name, known)

    monkeypatch.setattr(folder_watch, "folder_time", noting_glance)
    monkeypatch.setattr(RunStates, "read", noting_read)
    return glances, reads


def settled(home: Home, number: int, monkeypatch: pytest.MonkeyPatch) -> RunStore:
    """Return a store of finished runs that has been listed and whose folders have not changed for long."""
    monkeypatch.setattr(folder_watch, "_UNSETTLED_NS", -(10**15))  # every time tells a change
    monkeypatch.setattr(folder_watch, "LEAST_GLANCES", 1)
    monkeypatch.setattr(folder_watch, "LEAST_READS", 0)
    for _ in range(number):
        make_run(home.root, epochs=1)
    store = RunStore(home)
    store.records()
    return store


def test_a_look_at_an_idle_store_examines_a_part_of_the_folders_and_reads_few_runs(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = settled(home, 20, monkeypatch)
    glances, reads = looked_at(monkeypatch)
    names = {record.id for record in store.known()}
    for _ in range(20):
        assert not store.look(0.5)
    assert glances.count("runs") == 20, "the folder of runs itself, at every look"
    assert all(glances.count(name) >= 1 for name in names), "every folder within ten seconds"
    assert len(glances) <= 20 + 20 + 2 * len(reads)
    assert len(reads) == 20, "one of twenty runs at each look, never fewer than one"
    assert set(reads) == names


def test_what_an_engine_or_a_user_does_is_noticed_at_the_next_look(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    store = settled(home, 12, monkeypatch)
    first, *others = store.known()
    new = make_run(home.root, epochs=1)[0].id
    assert store.look(0.0) and store.known()[0].id == new
    stopped, labelled, removed = others[:3]
    with engine_lock(first.paths.lock), EventLog(first.paths.events) as log:
        log.append(Started())
        assert store.look(0.0), "an engine has started"
        log.append(Warned("odd"))
        assert store.look(0.0), "a live run is read at every look"
        assert not store.look(0.0)
    RunStore(home).label(RunStore(home).find(labelled.id), lambda labels: labels.tags.append("seen"))
    assert store.look(0.0) and store.find(labelled.id).labels.tags == ["seen"]
    RunStore(home).remove(RunStore(home).find(removed.id))
    assert store.look(0.0) and removed.id not in {record.id for record in store.known()}
    RunStore(home).restore(removed.id)
    assert store.look(0.0) and len(store.known()) == 13
    assert stopped.status is Status.FINISHED


def test_a_live_run_that_stalls_and_goes_on_is_noticed_although_no_file_changes(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = settled(home, 3, monkeypatch)
    paths = make_run(home.root, epochs=5, done=2, ended=False)[1]
    now = [5000.0]
    monkeypatch.setattr(activity.time, "monotonic", lambda: now[0])
    said = Activity("a unit of work", 0.0, 5000.0, boot_id() or "b", socket.gethostname(), os.getpid(), 1.0, 300.0)
    monkeypatch.setattr(activity, "boot_id", lambda: said.boot)
    paths.activity.write_bytes(said.encoded())
    with engine_lock(paths.lock):
        assert store.look(0.0) and store.known()[0].stall is None
        now[0] += 301
        assert store.look(0.0)
        record = store.known()[0]
        assert (record.status, record.shown_status) == (Status.RUNNING, Status.STALLED)
        assert record.to_json()["status"] == "running"
        assert record.to_json()["stalled"]["doing"] == "a unit of work"
        assert not store.look(0.0), "it is still stalled"
        now[0] -= 300
        assert store.look(0.0) and store.known()[0].stall is None


def test_the_end_of_a_killed_engine_is_noticed_at_the_next_look(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    store = settled(home, 3, monkeypatch)
    paths = make_run(home.root, epochs=5, done=2, ended=False)[1]
    with lock_holder(paths.lock) as engine:
        assert store.look(0.0) and store.known()[0].status is Status.RUNNING
        engine.kill()
        engine.wait()
        assert store.look(0.0) and store.known()[0].status is Status.LOST
    assert not store.look(0.0)


def test_a_change_that_renews_no_time_is_noticed_in_turn(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    store = settled(home, 10, monkeypatch)
    record = store.known()[4]
    with EventLog(record.paths.events) as log:  # as by an engine of 0.2, which renews only the time of its files
        log.append(Warned("odd"))
    looks = [store.look(folder_watch.READ_SECONDS / 10) for _ in range(10)]
    assert looks.count(True) == 1


def test_a_run_that_can_no_longer_be_read_is_named_at_the_next_look(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = settled(home, 3, monkeypatch)
    damaged, *others = store.known()
    damaged.paths.config.write_text("{")
    os.utime(home.runs)
    os.utime(damaged.paths.root)
    assert store.look(0.0)
    assert [*store.unreadable] == [damaged.id] and store.known() == others
    assert not store.look(0.0) and [*store.unreadable] == [damaged.id], "it is still there"


def test_a_folder_that_has_just_changed_is_read_again_because_its_time_may_not_tell(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = settled(home, 4, monkeypatch)
    monkeypatch.setattr(folder_watch, "_UNSETTLED_NS", 10**18)
    _, reads = looked_at(monkeypatch)
    store.look(0.0)
    assert len(reads) == 4
