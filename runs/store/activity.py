"""What an engine is doing: the unit of work that it has begun, since when, and how long is far too long for it.

A lock says that an engine exists, and its heartbeat comes from a thread that has nothing to do with the work. Only this
file says that the work goes on. The engine rewrites it when it begins something (:mod:`engine.core.activity`), and
viewers compare its age with the limit in it. So an engine that is blocked, spins or was suspended is noticed, although
it cannot say so itself.
"""

from __future__ import annotations

import dataclasses
import datetime
import functools
import json
import math
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runs.files import descriptor_of
from runs.formatting import duration
from runs.home import RunPaths

# The file has this size at any time, so that each write replaces all of it.
RECORD_BYTES = 1024
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Activity:
    """What an engine has begun.

    Attributes:
        doing: what it has begun, for people: "a unit of work", "writing a checkpoint".
        since: when, in seconds since 1970 by the engine's clock.
        monotonic: when, in seconds since the machine started, without the time in which it was suspended.
        boot: identifies that start of the machine; empty if unknown.
        host, pid: of the engine.
        usual: the usual length of such a unit in this engine, in seconds; None for the first ones.
        limit: without progress for longer than this, in seconds, the run is stalled.
        epoch, units: complete epochs of the run, and complete units of work of this engine.
    """

    doing: str
    since: float
    monotonic: float
    boot: str
    host: str
    pid: int
    usual: float | None
    limit: float
    epoch: int = 0
    units: int = 0

    def encoded(self) -> bytes:
        """Return the content of the file: one line of JSON, padded with blanks."""
        text = json.dumps(dataclasses.asdict(self))
        return text.encode().ljust(RECORD_BYTES - 1)[: RECORD_BYTES - 1] + b"\n"

    def description(self) -> str:
        """Return what the engine has begun, and where in its work it is."""
        where = f"in epoch {self.epoch + 1}, after {self.units:,} units of work of this engine"
        return f"{self.doing}, {where}" if self.units else self.doing


@dataclass(frozen=True)
class Stall:
    """A run whose engine lives and has made no progress for far longer than is usual.

    Attributes:
        activity: what the engine did last.
        seconds: the time without progress when it was looked at.
    """

    activity: Activity
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return what ``nastui runs show --json`` prints; keys are an interface."""
        moment = datetime.datetime.fromtimestamp(self.activity.since, datetime.UTC)
        return {
            "doing": self.activity.doing,
            "since": moment.isoformat(timespec="seconds"),
            "usual_seconds": self.activity.usual,
            "limit_seconds": self.activity.limit,
            "epoch": self.activity.epoch,
            "units": self.activity.units,
        }

    def description(self) -> str:
        """Return what the engine did last, and for how long it has made no progress."""
        return f"no progress for {duration(self.seconds)}: {self.activity.description()}"


def read(path: Path) -> Activity | None:
    """Return the content of a file; None if there is none, or it is not valid."""
    try:
        descriptor = descriptor_of(path)
    except OSError:
        return None
    try:
        activity = Activity(**json.loads(os.pread(descriptor, RECORD_BYTES, 0)))
        datetime.datetime.fromtimestamp(activity.since, datetime.UTC)
        return activity if _is_valid(activity) else None
    except (OSError, ValueError, TypeError, OverflowError, RecursionError):
        return None
    finally:
        os.close(descriptor)


def stall_of(paths: RunPaths, *, live: bool) -> Stall | None:
    """Return since when a run makes no progress; None if it does, or if nothing is known of it.

    Args:
        paths: the run.
        live: whether it has an engine: what has ended does not stall. (An engine of version 0.2 never does, because it
            says nothing about its progress.)
    """
    activity = read(paths.activity) if live else None
    if activity is None:
        return None
    seconds = seconds_without_progress(activity, paths)
    return Stall(activity, seconds) if seconds > activity.limit else None


def is_here(activity: Activity) -> bool:
    """Return whether the engine runs, or ran, on this machine since it was started."""
    return activity.host == socket.gethostname() and bool(activity.boot) and activity.boot == boot_id()


@functools.cache
def boot_id() -> str:
    """Return what identifies this start of the machine; empty where the system does not tell."""
    try:
        return _BOOT_ID.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def seconds_without_progress(activity: Activity, paths: RunPaths) -> float:
    """Return for how long an engine has begun nothing new, in seconds; 0 if the process that said so has ended."""
    if is_here(activity):
        # This clock is the same for all processes of a machine, and nobody can set it.
        return time.monotonic() - activity.monotonic if _exists(activity.pid) else 0.0
    if activity.host == socket.gethostname():
        return time.time() - activity.since if _exists(activity.pid) else 0.0
    try:
        heartbeat, written = paths.lock.stat().st_mtime, paths.activity.stat().st_mtime
    except OSError:
        return 0.0
    # Both times are from one clock, whichever it is. If the heart has stopped too, only ours is left.
    return max(heartbeat - written, time.time() - heartbeat)


def _is_valid(activity: Activity) -> bool:
    numbers = (activity.since, activity.monotonic, activity.limit, 0.0 if activity.usual is None else activity.usual)
    counts, texts = (activity.pid, activity.epoch, activity.units), (activity.doing, activity.boot, activity.host)
    return (
        all(isinstance(number, int | float) and math.isfinite(number) for number in numbers)
        and all(isinstance(number, int) and number >= 0 for number in counts)
        and activity.pid > 0
        and all(isinstance(text, str) for text in texts)
    )


def _exists(pid: int) -> bool:
    """Return whether a process exists; the file of a killed engine must not speak for the next one."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
