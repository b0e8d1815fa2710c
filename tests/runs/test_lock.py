"""An engine is alive while it holds the run's lock. Nothing else counts, and checking changes nothing."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
import time
from pathlib import Path

import pytest
from filelock import Timeout

from runs.errors import BusyError
from runs.store import claims, lock, lock_owner
from runs.store.lock import engine_lock, is_held, is_held_for_certain, owner_pid
from runs.store.store_lock import store_lock
from tests.runs.processes import LOCKLESS, lock_holder, python, running

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


# Whether a heartbeat changes counts, not what the clocks of hosts say.


class Clock:
    """Our monotonic clock, moved by hand; a sleep moves it, and does what happens meanwhile."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.meanwhile = lambda: None

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.meanwhile()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(lock, "time", clock)
    monkeypatch.setattr(lock, "_heartbeats", {})
    return clock


def beat(path: Path, ahead: float) -> None:
    """Renew a heartbeat, by a clock that is ahead of ours."""
    moment = time.time_ns() + int(ahead * 1e9)
    os.utime(path, ns=(moment, moment))


@pytest.mark.parametrize("ahead", [-86400.0, -90.0, 0.0, 90.0, 86400.0])
def test_a_viewer_sees_that_a_heartbeat_goes_on_or_has_stopped_whatever_the_clocks(
    path: Path, clock: Clock, ahead: float
) -> None:
    left_by(path, {"pid": 1, "host": "elsewhere"}, -ahead)
    is_held(path)
    for _ in range(30):
        clock.now += lock.HEARTBEAT_SECONDS
        beat(path, ahead)
        assert is_held(path)
    clock.now += lock.FOREIGN_SILENCE_SECONDS - 1
    assert is_held(path)
    clock.now += 2
    assert not is_held(path)
    beat(path, ahead)
    assert is_held(path), "it was only suspended"


@pytest.mark.parametrize("ahead", [-86400.0, 86400.0])
@pytest.mark.parametrize("lives", [True, False])
def test_a_run_of_another_host_is_watched_before_it_is_started_here(
    path: Path, clock: Clock, ahead: float, lives: bool
) -> None:
    left_by(path, {"pid": 1, "host": "elsewhere"}, -ahead)
    clock.meanwhile = lambda: beat(path, ahead) if lives and clock.now > 1004 else None
    assert is_held_for_certain(path) == lives
    assert clock.now - 1000 <= lock.WATCH_SECONDS + 1


def test_nothing_is_watched_where_the_kernel_knows(path: Path, clock: Clock) -> None:
    with engine_lock(path):
        assert is_held_for_certain(path)
    left_by(path, {"pid": 1, "host": socket.gethostname()}, 0.0)
    assert not is_held_for_certain(path)
    assert not is_held_for_certain(path.with_name("absent"))
    assert clock.now == 1000


# A file system without locks.


@pytest.fixture(params=[errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EIO])
def lockless(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "flock", flock)


@pytest.mark.usefixtures("lockless")
def test_without_locks_an_engine_is_known_while_it_runs(path: Path) -> None:
    with engine_lock(path):
        assert is_held(path)
        assert is_held_for_certain(path)
        with pytest.raises(BusyError, match="already has an engine"), engine_lock(path):
            pass
    assert not is_held(path)
    for _ in range(3):
        with engine_lock(path):
            assert is_held(path)
    assert len(list(path.parent.glob("lock.*"))) == 1, "only the last claim is kept"


@pytest.mark.usefixtures("lockless")
def test_without_locks_a_killed_engine_is_known_to_be_gone_at_once(path: Path) -> None:
    with lock_holder(path, before=LOCKLESS) as engine:
        assert is_held(path)
        with pytest.raises(BusyError), engine_lock(path):
            pass
        engine.kill()
        engine.wait()
        assert not is_held(path)
    with engine_lock(path):
        assert is_held(path)


@pytest.mark.usefixtures("lockless")
@pytest.mark.parametrize("changed", [{"start": "1"}, {"boot": "another"}, {"pid": 2**22 + 1}])
def test_without_locks_a_number_that_another_process_has_now_means_nothing(
    path: Path, changed: dict[str, object]
) -> None:
    left_by(path, lock_owner.ourselves() | changed, lock.FOREIGN_SILENCE_SECONDS + 1)
    assert not is_held(path)


@pytest.mark.usefixtures("lockless")
def test_without_locks_an_owner_that_cannot_be_seen_is_judged_by_its_heartbeat(path: Path, clock: Clock) -> None:
    """As in another container of the same machine."""
    left_by(path, lock_owner.ourselves() | {"processes": "pid:[1]", "pid": 2**22 + 1}, 0.0)
    assert is_held(path)
    clock.now += lock.FOREIGN_SILENCE_SECONDS + 1
    assert not is_held(path)


def test_of_many_that_find_the_owner_dead_one_succeeds_it(path: Path) -> None:
    script = (
        LOCKLESS
        + """
import sys, pathlib
from runs.errors import BusyError
from runs.store.lock import engine_lock
print("ready", flush=True)
sys.stdin.readline()
try:
    with engine_lock(pathlib.Path(sys.argv[1])):
        print("held", flush=True)
        sys.stdin.read()
except BusyError:
    print("busy", flush=True)
"""
    )
    path.touch()
    path.with_name("lock.7").write_text(json.dumps(lock_owner.ourselves() | {"start": "1"}))
    processes = [python(script, path) for _ in range(6)]
    for process in processes:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = sorted(process.stdout.readline() for process in processes if process.stdout is not None)
    for process in processes:
        process.kill()
        process.communicate()
    assert said == ["busy\n"] * 5 + ["held\n"]


def test_a_claim_that_was_overtaken_holds_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = claims.take(path, lambda owner: True)
    assert first is not None and first.holds()
    assert claims.take(path, lambda owner: True) is None
    second = claims.take(path, lambda owner: False)
    assert second is not None and second.holds() and not first.holds()
    first.release()
    assert claims.take(path, lambda owner: True) is None, "the second one still has it"

    def link(*_: object) -> None:
        raise PermissionError(errno.EPERM, "no links")

    monkeypatch.setattr(os, "link", link)
    second.release()
    assert claims.take(path, lambda owner: True) is not None


@pytest.mark.parametrize("lockless", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP], indirect=True)
@pytest.mark.usefixtures("lockless")
def test_without_locks_writers_of_the_store_exclude_each_other(tmp_path: Path) -> None:
    with store_lock(tmp_path / "index.lock"), pytest.raises(Timeout), store_lock(tmp_path / "index.lock", 0.05):
        pass
    with store_lock(tmp_path / "index.lock", 0.05):
        pass
