"""The status of a run follows from its events, its lock, and waiting requests."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from runs.home import RunPaths
from runs.store import requests
from runs.store.lock import engine_lock
from runs.store.requests import Request
from runs.store.status import Status, derive

# last event: (without an engine, with one, with one that has been asked to stop)
TABLE = {
    "": (Status.LOST, Status.RUNNING, Status.STOPPING),
    "started": (Status.LOST, Status.RUNNING, Status.STOPPING),
    "paused": (Status.LOST, Status.PAUSED, Status.STOPPING),
    "stopped": (Status.STOPPED, Status.RUNNING, Status.STOPPING),
    "failed": (Status.FAILED, Status.RUNNING, Status.STOPPING),
    "finished": (Status.FINISHED, Status.FINISHED, Status.FINISHED),
}


@pytest.fixture
def paths(tmp_path: Path) -> RunPaths:
    return RunPaths(tmp_path)


@pytest.mark.parametrize("asked", [None, *Request])
@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("said", TABLE)
def test_status(paths: RunPaths, said: str, held: bool, asked: Request | None) -> None:
    paths.lock.touch()
    if asked:
        requests.send(paths.requests, asked)
    without, living, stopping = TABLE[said]
    expected = without if not held else stopping if asked is Request.STOP else living
    with engine_lock(paths.lock) if held else contextlib.nullcontext():
        assert derive(paths, lambda: said) is expected


def test_a_run_is_unstarted_until_somebody_starts_an_engine(paths: RunPaths) -> None:
    assert derive(paths, lambda: "") is Status.UNSTARTED
    paths.log.touch()  # the engine has not taken the lock yet
    assert derive(paths, lambda: "") is Status.QUEUED


@pytest.mark.parametrize(("said", "ended"), [("stopped", Status.STOPPED), ("failed", Status.FAILED)])
def test_an_end_that_was_told_stands_without_a_lock_file(paths: RunPaths, said: str, ended: Status) -> None:
    assert derive(paths, lambda: said) is ended


def test_each_status_is_at_work_or_resumable_or_done() -> None:
    for status in Status:
        assert status.live + status.resumable + (status is Status.FINISHED) == 1
