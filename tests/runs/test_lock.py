"""An engine is alive while it holds the run's lock. Nothing else counts, and checking changes nothing."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from pathlib import Path

import pytest

from runs.errors import BusyError
from runs.store import lock
from runs.store.lock import engine_lock, is_held, owner_pid
from tests.runs.processes import lock_holder, running

VIEWER = """
import sys, pathlib
from runs.store.lock import is_held
print("looking", flush=True)
while True:
    is_held(pathlib.Path(sys.argv[1]))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


def left_by(path: Path, content: object, silent: float) -> None:
    """Create the lock file of an engine on another host, whose last heartbeat was this many seconds ago."""
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    moment = time.time() - silent
    os.utime(path, (moment, moment))


def test_a_run_without_a_lock_has_no_engine(path: Path) -> None:
    assert not is_held(path)
    assert owner_pid(path) is None


def test_held_for_as_long_as_the_block_runs(path: Path) -> None:
    with engine_lock(path):
        assert is_held(path)
        assert owner_pid(path) == os.getpid()
    assert not is_held(path)
    assert owner_pid(path) is None, "a clean end leaves no owner"


def test_held_by_another_process(path: Path) -> None:
    with lock_holder(path) as engine:
        assert is_held(path)
        assert owner_pid(path) == engine.pid
    assert not is_held(path)


def test_a_fault_in_the_engine_releases_it(path: Path) -> None:
    with pytest.raises(ZeroDivisionError), engine_lock(path):
        raise ZeroDivisionError
    assert not is_held(path)


def test_a_killed_engine_is_known_to_be_gone_at_once(path: Path) -> None:
    with lock_holder(path) as engine:
        engine.kill()
        engine.wait()
        assert owner_pid(path) == engine.pid, "it had no time to tidy up"
        assert not is_held(path)
    with engine_lock(path, patience=0):
        assert is_held(path)


def test_a_second_engine_is_refused(path: Path) -> None:
    started = time.monotonic()
    with lock_holder(path), pytest.raises(BusyError, match="already has an engine"), engine_lock(path, patience=0.1):
        pass
    assert time.monotonic() - started < 10


def test_the_heart_beats(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "HEARTBEAT_SECONDS", 0.01)
    with engine_lock(path):
        os.utime(path, (1, 1))
        deadline = time.monotonic() + 10
        while path.stat().st_mtime == 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert path.stat().st_mtime > 1


@pytest.mark.parametrize(
    ("host", "silent", "held"),
    [
        ("elsewhere", 0.0, True),
        ("elsewhere", lock.FOREIGN_SILENCE_SECONDS - 20, True),
        ("elsewhere", -3600.0, True),  # its clock is ahead of ours
        ("elsewhere", lock.FOREIGN_SILENCE_SECONDS + 20, False),
        (socket.gethostname(), 0.0, False),
        (None, 0.0, False),
    ],
)
def test_a_lock_that_cannot_be_seen_across_hosts_is_judged_by_its_heartbeat(
    path: Path, host: str | None, silent: float, held: bool
) -> None:
    left_by(path, {"pid": 1, "host": host, "since": 0.0}, silent)
    assert is_held(path) == held


@pytest.mark.parametrize("content", ["", "garbage", "[]", "5", "{", "\x00" * 100, "[" * 5000, '{"pid": "one"}'])
def test_a_lock_file_with_garbage_is_not_held(path: Path, content: str) -> None:
    left_by(path, content, 0.0)
    assert not is_held(path)
    assert owner_pid(path) is None


def test_many_viewers_never_disturb_a_starting_engine(path: Path) -> None:
    path.touch()
    with contextlib.ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(running(VIEWER, path))
        for _ in range(5):
            with engine_lock(path, patience=0.2):
                assert is_held(path)
