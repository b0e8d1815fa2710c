"""Launches the processes of a data-parallel run on one machine, and ends all of them when one fails."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import NoReturn

from engine.core import stop_signals
from runs.errors import NastuiError
from runs.home import RunPaths
from runs.log.event_log import EventLogReader, append_to_log
from runs.log.events import Failed, Finished, Started, Stopped
from runs.processes import command, environment

POLL_SECONDS = 0.1
# After one has ended, the others have this long to end too, or to write their own reasons; then all are killed.
GRACE_SECONDS = 10.0
_SUPERVISED = "NASTUI_SUPERVISED"
_OF_TORCHRUN = "TORCHELASTIC_RUN_ID"


def rank() -> int | None:
    """Return the rank of this process; None if it is the only one, or will launch the others."""
    return int(os.environ["RANK"]) if int(os.environ.get("WORLD_SIZE", "1")) > 1 else None


def is_supervised() -> bool:
    """Return whether :func:`launch` started this process; the launching process then holds the run's lock."""
    return _SUPERVISED in os.environ


def is_under_torchrun() -> bool:
    """Return whether torchrun started this process, or a program that did.

    Processes that :func:`launch` starts then would wait for a store of torchrun's that nobody serves.
    """
    return _OF_TORCHRUN in os.environ


def exit_with_parent() -> None:
    """Exit as soon as the parent process has ended, for whatever reason: the pipe on standard input then closes."""

    def wait() -> None:
        # Not through `sys.stdin`: a waiting thread would hold its lock, and Python could not shut down.
        while os.read(0, 1):
            pass
        os._exit(1)

    threading.Thread(target=wait, name="parent", daemon=True).start()


def exit_at_once(code: int) -> NoReturn:
    """End one of several processes without ending its interpreter first.

    A thread of gloo outlives the process group. If it lets go of a tensor while the interpreter ends, all is aborted.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def launch(paths: RunPaths, size: int) -> int:
    """Run ``size`` engine processes for one run and return the exit code. If one fails, all are ended.

    A failing process writes its reason to ``rank-<n>.error``, if it still can: see :func:`write_crash_reason`.
    """
    for one in range(size):
        _error_file(paths, one).unlink(missing_ok=True)
    first = _length(paths.events)
    port = _free_port()
    members = [_start(paths, rank, size, port) for rank in range(size)]
    # The signals are blocked in all of them, so that none dies of what was sent to all. Rank 0 stops them between two
    # units of work.
    stop_signals.forward(members[0].send_signal)
    failed = _first_failure(members)
    _end(members)
    if failed is None:
        return 0
    if not _has_ended(paths.events, first):
        append_to_log(paths.events, _failure(paths, failed, members[failed].returncode, size))
    return 1


def write_crash_reason(paths: RunPaths, error: Exception) -> None:
    """Write why this process fails. The launching process reads it, to tell the first failure from its consequences."""
    hint = error.hint if isinstance(error, NastuiError) else "The traceback is in the log."
    message = error.message if isinstance(error, NastuiError) else f"{type(error).__name__}: {error}"
    content = Failed(message, hint, "".join(traceback.format_exception(error)))
    _error_file(paths, rank() or 0).write_text(json.dumps(dataclasses.asdict(content)), encoding="utf-8")


def _start(paths: RunPaths, rank: int, size: int, port: int) -> subprocess.Popen[bytes]:
    variables = {
        _SUPERVISED: "1",
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(size),
        "LOCAL_WORLD_SIZE": str(size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    return subprocess.Popen(command("engine", str(paths.root)), stdin=subprocess.PIPE, env=environment() | variables)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _first_failure(members: list[subprocess.Popen[bytes]]) -> int | None:
    """Wait for the processes; return the rank that failed first, or None if rank 0 has ended successfully."""
    while True:
        codes = [member.poll() for member in members]
        # If several have ended at once, one that was killed is the cause: the others failed because it was missing.
        if failed := sorted((rank for rank, code in enumerate(codes) if code), key=lambda rank: codes[rank] or 0):
            return failed[0]
        if codes[0] == 0:
            return None
        time.sleep(POLL_SECONDS)


def _end(members: list[subprocess.Popen[bytes]]) -> None:
    until = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < until and any(member.poll() is None for member in members):
        time.sleep(POLL_SECONDS)
    for member in members:
        member.kill()
        member.wait()


def _length(events: Path) -> int:
    return sum(1 for _ in EventLogReader(events).read()) if events.exists() else 0


def _has_ended(events: Path, first: int) -> bool:
    """Return whether one of the events from number ``first`` on says how the run ended."""
    new = [entry.event for entry in EventLogReader(events).read()][first:]
    ends = [event for event in new if isinstance(event, Started | Stopped | Finished | Failed)]
    return bool(ends) and not isinstance(ends[-1], Started)


def _error_file(paths: RunPaths, rank: int) -> Path:
    return paths.root / f"rank-{rank}.error"


def _failure(paths: RunPaths, rank: int, code: int, size: int) -> Failed:
    which = f"Process {rank} of {size} (counted from 0)"
    try:
        reason = Failed(**json.loads(_error_file(paths, rank).read_bytes()))
    except (OSError, ValueError, TypeError):
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        return Failed(f"{which} {how}; the others were ended.", "Resume the run: it continues from its checkpoint.")
    return dataclasses.replace(reason, error=f"{which}: {reason.error}")
