"""The engine's lock: an engine is alive while it holds it. Its modification time is the heartbeat for other hosts.

Where a file system has no locks, numbered files hold it instead (:mod:`runs.store.claims`). Whether an owner lives is
then told by its process, or from other hosts by its heartbeat. A heartbeat is judged by whether it changes: the clocks
of hosts may differ, so what they say counts only until it has been watched.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runs.errors import BusyError, EnvironmentLacksError
from runs.files import descriptor_of
from runs.store import claims, lock_owner

HEARTBEAT_SECONDS = 5.0
# Most network file systems do not show locks to other hosts. There, a recent heartbeat means that the engine is alive.
FOREIGN_SILENCE_SECONDS = 60.0
# Before a run of another host is started here or removed, its heartbeat is watched for this long.
WATCH_SECONDS = 3 * HEARTBEAT_SECONDS

# By lock file: its last heartbeat and when, by our monotonic clock, it is or would be too old.
_heartbeats: dict[Path, tuple[int, float]] = {}


@contextlib.contextmanager
def engine_lock(path: Path, patience: float = 2.0) -> Iterator[None]:
    """Hold the lock of a run and renew its heartbeat while the block runs.

    Args:
        path: the lock file.
        patience: seconds to wait for another engine. (Viewers hold the lock for microseconds.)

    Raises:
        BusyError: another engine holds it.
        EnvironmentLacksError: it cannot be written.
    """
    with contextlib.ExitStack() as stack:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            stack.callback(os.close, descriptor)
            claim = None if _acquire(descriptor, path, patience) else _claim(descriptor, path)
            if claim is not None:
                stack.callback(claim.release)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(lock_owner.ourselves()).encode(), 0)
        except OSError as error:
            raise EnvironmentLacksError(f"The lock '{path}' cannot be written: {error.strerror}.") from error
        # Viewers with thousands of runs look at the time of the folder of runs first, then at those of its folders.
        for folder in (path.parent, path.parent.parent):
            with contextlib.suppress(OSError):
                os.utime(folder)
        ended = threading.Event()

        def beat() -> None:
            while not ended.wait(HEARTBEAT_SECONDS):
                with contextlib.suppress(OSError):
                    os.utime(descriptor)
                    if claim is not None and not claim.holds():
                        sys.stderr.write("Another engine has taken over this run, so this one ends.\n")
                        os._exit(BusyError.exit_code)

        heart = threading.Thread(target=beat, name="heartbeat", daemon=True)
        heart.start()
        try:
            yield
        finally:
            ended.set()
            heart.join()
            os.ftruncate(descriptor, 0)  # without an owner, other hosts do not wait for the heartbeat to expire


def is_held(path: Path) -> bool:
    """Return whether an engine holds this lock, as far as can be told at once.

    The heartbeat of another host is compared with that of the last call; at the first call, with our clock.
    """
    try:
        descriptor = descriptor_of(path)
    except OSError:
        return False
    try:
        held = _engine_holds(descriptor)
        if held:
            return True
        owner = lock_owner.read(descriptor)
        if owner.get("host") is None:
            return False
        if held is False and owner["host"] == socket.gethostname():
            return False  # this machine's kernel knows of every holder
        return _lives(owner, path, os.fstat(descriptor))
    finally:
        os.close(descriptor)


def is_held_for_certain(path: Path) -> bool:
    """Return whether an engine holds this lock. If only a heartbeat can tell, watch whether it changes.

    It takes up to :data:`WATCH_SECONDS`, and only for a run whose last engine ran on another host and did not end
    properly.
    """
    held = is_held(path)  # from now on, its next heartbeat is known to be another one
    if not _is_told_by_heartbeat(path):
        return held
    first, deadline = _modified(path), time.monotonic() + WATCH_SECONDS
    recent = abs(time.time() - first / 1e9) <= FOREIGN_SILENCE_SECONDS
    while not recent and time.monotonic() < deadline:
        if _modified(path) != first:
            return is_held(path)
        time.sleep(HEARTBEAT_SECONDS / 50)
    return recent and is_held(path)


def kernel_locks(path: Path) -> bool:
    """Return whether the file system of this file has locks; the file must exist and belong to nobody."""
    descriptor = descriptor_of(path)
    try:
        return _engine_holds(descriptor) is not None
    finally:
        os.close(descriptor)


def owner_pid(path: Path) -> int | None:
    """Return the process id of the last holder, or None."""
    pid = _owner(path, "pid")
    return pid if isinstance(pid, int) else None


def owner_threads(path: Path) -> int:
    """Return the CPU threads of the last holder; 0 if it has not said how many it uses."""
    threads = _owner(path, "threads")
    return threads if isinstance(threads, int) else 0


def note_threads(path: Path, threads: int) -> None:
    """Say in the lock how many CPU threads its holder uses. Only the engine that holds the lock may call this."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDWR)
        try:
            owner = json.loads(os.pread(descriptor, 4096, 0))
            os.pwrite(descriptor, json.dumps(owner | {"threads": threads}).encode(), 0)
        except (ValueError, TypeError):
            pass  # nobody holds it: a test, or a tool without a lock
        finally:
            os.close(descriptor)


def owner_is_here(path: Path) -> bool:
    """Return whether the last holder ran on this machine."""
    return _owner(path, "host") == socket.gethostname()


def _acquire(descriptor: int, path: Path, patience: float) -> bool:
    """Take the kernel's lock; return False if the file system has none."""
    deadline = time.monotonic() + patience
    while not (taken := _flock(descriptor, fcntl.LOCK_EX)):
        if taken is None:
            return False
        if time.monotonic() > deadline and _engine_holds(descriptor):
            raise BusyError(f"Run '{path.parent.name}' already has an engine.")
        time.sleep(0.002)
    return True


def _claim(descriptor: int, path: Path) -> claims.Claim:
    claim = claims.take(path, lambda owner: _lives(owner, path, os.fstat(descriptor)))
    if claim is None:
        raise BusyError(f"Run '{path.parent.name}' already has an engine.")
    return claim


def _engine_holds(descriptor: int) -> bool | None:
    """Return whether the lock is held exclusively, as engines hold it; viewers share it. None without locks."""
    taken = _flock(descriptor, fcntl.LOCK_SH)
    if taken:
        _flock(descriptor, fcntl.LOCK_UN)
    return None if taken is None else not taken


def _flock(descriptor: int, operation: int) -> bool | None:
    """Take or release the kernel's lock of a file. The only place that does.

    Returns:
        Whether it was taken; false if another process has it, and None if the file system has no locks.
    """
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in (errno.EWOULDBLOCK, errno.EAGAIN) else None
    return True


def _lives(owner: dict[str, Any], path: Path, file: os.stat_result) -> bool:
    exists = lock_owner.exists(owner)
    return _beats(path, file.st_mtime_ns) if exists is None else exists


def _beats(path: Path, heartbeat: int) -> bool:
    """Return whether a heartbeat is that of a living engine."""
    now = time.monotonic()
    known, until = _heartbeats.get(path, (heartbeat, None))
    if until is None:
        # Nothing to compare with yet. A heartbeat of the future is one of a host whose clock is ahead.
        age = time.time() - heartbeat / 1e9
        until = now + FOREIGN_SILENCE_SECONDS - max(0.0, age)
    elif known != heartbeat:
        until = now + FOREIGN_SILENCE_SECONDS
    _heartbeats[path] = (heartbeat, until)
    return now <= until


def _is_told_by_heartbeat(path: Path) -> bool:
    try:
        descriptor = descriptor_of(path)
    except OSError:
        return False
    try:
        owner = lock_owner.read(descriptor)
        foreign = owner.get("host") not in (None, socket.gethostname())
        held = _engine_holds(descriptor)
        return not held and lock_owner.exists(owner) is None and (foreign or (held is None and bool(owner)))
    finally:
        os.close(descriptor)


def _modified(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _owner(path: Path, name: str) -> object:
    try:
        descriptor = descriptor_of(path)
    except OSError:
        return None
    try:
        return lock_owner.read(descriptor).get(name)
    finally:
        os.close(descriptor)
