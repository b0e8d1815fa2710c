"""The CPU threads that the running engines of a home have."""

from __future__ import annotations

import json
import os
import socket

import pytest

from runs.configuration import Draft, resolve
from runs.home import Home, RunPaths
from runs.store.core_shares import NOBODY, shares
from runs.store.labels import Labels
from runs.store.lock import engine_lock, note_threads, owner_is_here, owner_pid, owner_threads
from runs.store.run_store import RunStore
from tests.runs.processes import lock_holder


def created(home: Home, **options: int) -> RunPaths:
    return RunStore(home).create(resolve(Draft(method="drnas", preset="quick", options=options)), Labels())


def test_engines_have_what_they_noted_else_what_their_configuration_says(home: Home) -> None:
    own, noted, configured, undecided, ended = (
        created(home, **options) for options in ({}, {"threads": 9}, {"threads": 3}, {}, {"threads": 5})
    )
    assert shares(home, own) == NOBODY
    with engine_lock(ended.lock):
        note_threads(ended.lock, 5)
    with engine_lock(own.lock), engine_lock(noted.lock), engine_lock(configured.lock), engine_lock(undecided.lock):
        note_threads(own.lock, 7)
        note_threads(noted.lock, 2)
        found = shares(home, own)
        assert (found.threads, found.undecided, found.pids) == (2 + 3, 1, {os.getpid()})
    assert shares(home, own) == NOBODY


def test_a_killed_engine_has_nothing(home: Home) -> None:
    own, killed = created(home), created(home, threads=4)
    with lock_holder(killed.lock) as engine:
        assert shares(home, own).threads == 4
        engine.kill()
        engine.wait()
        assert killed.lock.stat().st_size, "it could not empty its lock"
        assert shares(home, own) == NOBODY


def test_engines_on_other_machines_do_not_count(home: Home) -> None:
    own, other = created(home), created(home, threads=4)
    other.lock.write_text(json.dumps({"pid": 1, "host": "elsewhere", "since": 0.0}))
    assert shares(home, own) == NOBODY


def test_the_threads_are_noted_beside_the_owner(home: Home) -> None:
    paths = created(home)
    note_threads(paths.lock, 2)
    assert not paths.lock.exists(), "nobody holds it"
    with engine_lock(paths.lock):
        assert owner_threads(paths.lock) == 0
        note_threads(paths.lock, 2)
        assert (owner_threads(paths.lock), owner_pid(paths.lock)) == (2, os.getpid())
        assert owner_is_here(paths.lock) and socket.gethostname() in paths.lock.read_text()
    note_threads(paths.lock, 2)
    assert owner_threads(paths.lock) == 0 and not paths.lock.read_text()


def test_an_engine_on_other_cores_takes_none_of_ours(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    own, other = created(home), created(home)
    mine, theirs = {0, 1}, {2, 3}
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: theirs if pid else mine, raising=False)
    with engine_lock(other.lock):
        note_threads(other.lock, 2)
        assert shares(home, own) == NOBODY
        theirs.add(1)
        assert shares(home, own).threads == 2
