"""The engine's lock: an engine is alive while it holds it. Its modification time is the heartbeat for other hosts."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from runs.errors import BusyError
from runs.files import descriptor_of

HEARTBEAT_SECONDS = 5.0
# Most network file systems do not show locks to other hosts. There, a recent heartbeat means that the engine is alive.
FOREIGN_SILENCE_SECONDS = 60.0


@contextlib.contextmanager
def engine_lock(path: Path, patience: float = 2.0) -> Iterator[None]:
    """Hold the lock of a run and renew its heartbeat while the block runs.

    Args:
        path: the lock file.
        patience: seconds to wait for another engine. (Viewers hold the lock for microseconds.)

    Raises:
        BusyError: another engine holds it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _acquire(descriptor, path, patience)
        owner = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.time()}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(owner).encode(), 0)
        # Viewers with thousands of runs look at the time of the folder of runs first, then at those of its folders.
        for folder in (path.parent, path.parent.parent):
            with contextlib.suppress(OSError):
                os.utime(folder)
        ended = threading.Event()

        def beat() -> None:
            while not ended.wait(HEARTBEAT_SECONDS):
                with contextlib.suppress(OSError):
                    os.utime(descriptor)

        heart = threading.Thread(target=beat, name="heartbeat", daemon=True)
        heart.start()
        try:
            yield
        finally:
            ended.set()
            heart.join()
            os.ftruncate(descriptor, 0)  # without an owner, other hosts do not wait for the heartbeat to expire
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Return whether an engine holds this lock, or another host has renewed its heartbeat recently."""
    try:
        descriptor = descriptor_of(path)
    except OSError:
        return False
    try:
        if _engine_holds(descriptor):
            return True
        if time.time() - os.fstat(descriptor).st_mtime > FOREIGN_SILENCE_SECONDS:
            return False
        return _owner_field(descriptor, "host") not in (None, socket.gethostname())
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


def _acquire(descriptor: int, path: Path, patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if time.monotonic() > deadline and _engine_holds(descriptor):
                raise BusyError(f"Run '{path.parent.name}' already has an engine.") from error
            time.sleep(0.002)


def _engine_holds(descriptor: int) -> bool:
    """Return whether the lock is held exclusively, as engines hold it; viewers share it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False


def _owner(path: Path, name: str) -> object:
    try:
        descriptor = descriptor_of(path)
    except OSError:
        return None
    try:
        return _owner_field(descriptor, name)
    finally:
        os.close(descriptor)


def _owner_field(descriptor: int, name: str) -> object:
    try:
        owner = json.loads(os.pread(descriptor, 4096, 0))
    except (ValueError, RecursionError):
        return None
    return owner.get(name) if isinstance(owner, dict) else None
