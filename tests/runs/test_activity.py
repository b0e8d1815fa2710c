"""A run is stalled if its engine lives and has begun nothing new for far longer than it usually takes."""

from __future__ import annotations

import dataclasses
import os
import socket
import time
from pathlib import Path

import pytest

from runs.home import RunPaths
from runs.store import activity
from runs.store.activity import RECORD_BYTES, Activity, boot_id, read, stall_of
from tests.runs.processes import python

NOW = Activity(
    doing="a unit of work",
    since=1_700_000_000.0,
    monotonic=0.0,
    boot=boot_id(),
    host=socket.gethostname(),
    pid=os.getpid(),
    usual=2.0,
    limit=300.0,
    epoch=3,
    units=41,
)


@pytest.fixture
def paths(tmp_path: Path) -> RunPaths:
    return RunPaths(tmp_path)


def said(paths: RunPaths, seconds: float, **others: object) -> None:
    """Let an engine have begun something so many seconds ago."""
    changed = {"monotonic": time.monotonic() - seconds, "since": time.time() - seconds} | others
    paths.activity.write_bytes(dataclasses.replace(NOW, **changed).encoded())  # type: ignore[arg-type]


def test_a_run_is_stalled_after_the_limit_that_its_engine_names(paths: RunPaths) -> None:
    said(paths, 290)
    assert stall_of(paths, live=True) is None
    said(paths, 310)
    stall = stall_of(paths, live=True)
    assert stall is not None
    assert (
        stall.description()
        == "no progress for 5m 10s: a unit of work, in epoch 4, after 41 units of work of this engine"
    )
    assert stall.to_json() | {"since": ""} == {
        "doing": "a unit of work",
        "since": "",
        "usual_seconds": 2.0,
        "limit_seconds": 300.0,
        "epoch": 3,
        "units": 41,
    }


def test_a_slow_run_that_moves_is_not_stalled(paths: RunPaths) -> None:
    said(paths, 2999, usual=300.0, limit=3000.0)
    assert stall_of(paths, live=True) is None


def test_what_has_no_engine_does_not_stall(paths: RunPaths) -> None:
    said(paths, 1e6)
    assert stall_of(paths, live=False) is None


def test_the_file_of_a_killed_engine_does_not_speak_for_the_next_one(paths: RunPaths) -> None:
    ended = python("")
    ended.communicate()
    said(paths, 1e6, pid=ended.pid)
    assert stall_of(paths, live=True) is None


@pytest.mark.skipif(not boot_id(), reason="needs a boot id")
def test_a_clock_that_is_set_forward_or_back_changes_nothing(paths: RunPaths) -> None:
    said(paths, 1, since=time.time() - 1e6)
    assert stall_of(paths, live=True) is None
    said(paths, 1000, since=time.time() + 1e6)
    assert stall_of(paths, live=True) is not None


class TestAnotherMachine:
    """Its clock may be wrong, so the times of two files that it wrote are compared."""

    def test_a_beating_heart_without_progress(self, paths: RunPaths) -> None:
        said(paths, 0, host="elsewhere")
        paths.lock.touch()
        now = time.time()
        os.utime(paths.activity, (now - 400, now - 400))
        assert stall_of(paths, live=True) is not None
        os.utime(paths.activity, (now - 200, now - 200))
        assert stall_of(paths, live=True) is None

    def test_progress_with_a_clock_that_is_wrong(self, paths: RunPaths) -> None:
        said(paths, 1e5, host="elsewhere")
        paths.lock.touch()
        assert stall_of(paths, live=True) is None

    def test_a_lock_that_is_gone(self, paths: RunPaths) -> None:
        said(paths, 1e5, host="elsewhere")
        assert stall_of(paths, live=True) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"[" * 5000,
        b"\xff" * RECORD_BYTES,
        dataclasses.replace(NOW, since=float("nan")).encoded(),
        dataclasses.replace(NOW, since=1e300).encoded(),
        dataclasses.replace(NOW, limit="soon").encoded(),  # type: ignore[arg-type]
        dataclasses.replace(NOW, pid="1").encoded(),  # type: ignore[arg-type]
        dataclasses.replace(NOW, pid=-1).encoded(),
        dataclasses.replace(NOW, usual=[]).encoded(),  # type: ignore[arg-type]
        dataclasses.replace(NOW, doing="x" * 5000).encoded(),
    ],
    ids=lambda content: repr(content[:20]),
)
def test_a_damaged_file_says_nothing(paths: RunPaths, content: bytes) -> None:
    paths.activity.write_bytes(content)
    assert read(paths.activity) is None
    assert stall_of(paths, live=True) is None


def test_no_file_or_something_else_says_nothing(paths: RunPaths) -> None:
    assert read(paths.activity) is None
    os.mkfifo(paths.activity)
    assert read(paths.activity) is None
    paths.activity.unlink()
    paths.activity.mkdir()
    assert read(paths.activity) is None


def test_the_boot_is_unknown_where_the_system_does_not_tell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(activity, "_BOOT_ID", tmp_path / "none")
    boot_id.cache_clear()
    assert boot_id() == ""
    boot_id.cache_clear()
