"""The processes of a data-parallel run on one machine: started together, and ended together when one fails."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import socket
import subprocess
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from runs.errors import NastuiError
from runs.home import RunPaths
from runs.log.event_log import EventLog, EventLogReader
from runs.log.events import Failed, Finished, Started, Stopped
from runs.processes import command, environment

LOOK_SECONDS = 0.1
# After a fault the leader may still say what it met; then all are killed.
GRACE_SECONDS = 5.0
_SUPERVISED = "NASTUI_SUPERVISED"


def rank() -> int | None:
    """Return the rank of this process, or None where it is the only one, or not yet one of several."""
    return int(os.environ["RANK"]) if int(os.environ.get("WORLD_SIZE", "1")) > 1 else None


def is_supervised() -> bool:
    """Say whether :func:`supervise` started this process; it holds the run's lock."""
    return _SUPERVISED in os.environ


def die_with_supervisor() -> None:
    """End this process when its supervisor has gone, however it went: the pipe between them closes."""

    def wait() -> None:
        # Not by `sys.stdin`, whose lock a thread that waits would hold against Python's own end.
        while os.read(0, 1):
            pass
        os._exit(1)

    threading.Thread(target=wait, name="supervisor", daemon=True).start()


def supervise(paths: RunPaths, size: int) -> int:
    """Run ``size`` engines for one run and return the exit code; a failed one never leaves the others waiting.

    A process that could still write why it died has done so in ``rank-<n>.error``: see :func:`write_crash_reason`.
    """
    for one in range(size):
        _error_file(paths, one).unlink(missing_ok=True)
    first = _length(paths.events)
    members = [_start(paths, rank, size, port) for port in [_free_port()] for rank in range(size)]
    with _forwarding(members[0]):
        failed = _wait(members)
        if failed is None:
            return 0
        _end(members)
    if not _concluded(paths.events, first):
        last = max((entry.number for entry in EventLogReader(paths.events).read()), default=0)
        with EventLog(paths.events, last) as event_log:
            event_log.append(_failure(paths, failed, members[failed].returncode, size))
    return 1


def write_crash_reason(paths: RunPaths, error: Exception) -> None:
    """Leave word of a fault for the supervisor, which tells the fault that came first from those that it caused."""
    hint = error.hint if isinstance(error, NastuiError) else "The traceback is in the log."
    message = error.message if isinstance(error, NastuiError) else f"{type(error).__name__}: {error}"
    content = Failed(message, hint, "".join(traceback.format_exception(error)))
    _error_file(paths, rank() or 0).write_text(json.dumps(dataclasses.asdict(content)), encoding="utf-8")


def _start(paths: RunPaths, rank: int, size: int, port: int) -> subprocess.Popen[bytes]:
    here = {
        _SUPERVISED: "1",
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(size),
        "LOCAL_WORLD_SIZE": str(size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    return subprocess.Popen(command("engine", str(paths.root)), stdin=subprocess.PIPE, env=environment() | here)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextlib.contextmanager
def _forwarding(leader: subprocess.Popen[bytes]) -> Iterator[None]:
    """Pass a request to end on to the leader, which tells the others at a point where all can follow."""

    def forward(number: int, frame: FrameType | None) -> None:
        leader.send_signal(number)

    before = {number: signal.signal(number, forward) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait(members: list[subprocess.Popen[bytes]]) -> int | None:
    """Return the rank that failed first, or None once all have ended well."""
    while True:
        codes = [member.poll() for member in members]
        # Where several are gone at a look, one that was killed is the cause: the others met its absence.
        for bad in sorted((rank for rank, code in enumerate(codes) if code), key=lambda rank: codes[rank] or 0):
            return bad
        if all(code == 0 for code in codes):
            return None
        time.sleep(LOOK_SECONDS)


def _end(members: list[subprocess.Popen[bytes]]) -> None:
    until = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < until and any(member.poll() is None for member in members):
        time.sleep(LOOK_SECONDS)
    for member in members:
        member.kill()
        member.wait()


def _length(events: Path) -> int:
    return sum(1 for _ in EventLogReader(events).read()) if events.exists() else 0


def _concluded(events: Path, first: int) -> bool:
    said = [entry.event for entry in EventLogReader(events).read()][first:]
    ends = [event for event in said if isinstance(event, Started | Stopped | Finished | Failed)]
    return bool(ends) and not isinstance(ends[-1], Started)


def _error_file(paths: RunPaths, rank: int) -> Path:
    return paths.root / f"rank-{rank}.error"


def _failure(paths: RunPaths, rank: int, code: int, size: int) -> Failed:
    which = f"Process {rank} of {size} (they count from 0)"
    try:
        said = Failed(**json.loads(_error_file(paths, rank).read_bytes()))
    except (OSError, ValueError, TypeError):
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        return Failed(f"{which} {how}; the others were ended.", "Resume it: the run goes on from its checkpoint.")
    return dataclasses.replace(said, error=f"{which}: {said.error}")
