"""The engine's process: it joins those that share the run, opens the event log, works, and reports what has failed."""

from __future__ import annotations

import contextlib
import errno
import sys
import traceback
from pathlib import Path

import torch

from engine.core import distributed, local_launcher
from engine.core.distributed import Group
from engine.core.stop_signals import StopRequest, kill_helpers
from engine.worker import Worker
from runs.configuration import RunConfig
from runs.errors import EnvironmentLacksError, NastuiError
from runs.home import RunPaths
from runs.log.event_log import EventLog, EventLogReader
from runs.log.events import Failed
from runs.machine.cores import Sample


def run(root: Path, stop: StopRequest, before: Sample | None = None) -> int:
    """Run the engine for a run whose lock is held; return the exit code.

    Args:
        root: the folder of the run.
        stop: whether a signal has announced an end.
        before: what the cores had done when this process started.
    """
    paths = RunPaths(root)
    try:
        group = distributed.join()
    except (RuntimeError, ValueError) as error:
        raise EnvironmentLacksError(f"The processes of the run could not connect to each other: {error}.") from error
    with contextlib.ExitStack() as stack:
        stack.callback(group.leave)
        if not group.leads:
            return _work(paths, None, group, stop, before)
        last = max((entry.number for entry in EventLogReader(paths.events).read()), default=0)
        return _work(paths, stack.enter_context(EventLog(paths.events, last)), group, stop, before)


def _work(paths: RunPaths, event_log: EventLog | None, group: Group, stop: StopRequest, before: Sample | None) -> int:
    try:
        worker = Worker(paths, RunConfig.read(paths.config), event_log, group, stop, before)
        try:
            worker.run()
        finally:
            kill_helpers()
    except Exception as fault:  # a plug-in may raise anything: the run reports it and ends
        stop.claim_end()
        error = _lack(fault) or fault
        if not isinstance(error, NastuiError):
            traceback.print_exc()
        if group.size > 1:
            # When one process ends, the others fail too. Only the launching process can tell which was first.
            local_launcher.write_crash_reason(paths, error)
        if event_log is not None and not (group.size > 1 and local_launcher.is_supervised()):
            try:
                event_log.append(_failure(error))
            except EnvironmentLacksError as lack:
                with contextlib.suppress(OSError):  # the log of the engine may be on the same disk
                    sys.stderr.write(f"{lack}\n")
        return error.exit_code if isinstance(error, NastuiError) else 1
    return 0


def _lack(error: Exception) -> EnvironmentLacksError | None:
    """Return what to say if an error means that there is no room on the disk, or that nothing may be written."""
    if not isinstance(error, OSError) or error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        return None
    what = f"'{error.filename}'" if error.filename else "A file of the run"
    return EnvironmentLacksError(
        f"{what} cannot be written: {error.strerror}.",
        "Free some space, then resume: the run continues from its last checkpoint.",
    )


def _failure(error: Exception) -> Failed:
    if isinstance(error, NastuiError):
        return Failed(error.message, error.hint)
    return Failed(f"{type(error).__name__}: {error}", _hint(error), "".join(traceback.format_exception(error)))


def _hint(error: Exception) -> str:
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return "The memory of the device is too small: lower batch_size or channels, or use another device."
    return "The traceback is in the log."
