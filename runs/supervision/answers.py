"""Waiting for the answer of an engine to a request."""

from __future__ import annotations

import time
from collections.abc import Callable

from runs.errors import BusyError
from runs.home import RunPaths, short_id
from runs.log.history import Follower
from runs.machine import process_tree
from runs.store.activity import is_here, stall_of
from runs.store.status import Status, follow_status

# Engines answer between units of work. A unit is a batch, which can take many seconds on a slow CPU.
ANSWER_SECONDS = 300.0
# Even if a helper process or a library does not answer, a stalled engine may stop by itself within this time.
STALLED_SECONDS = 30.0


def wait_for(paths: RunPaths, reached: Callable[[Status], bool], patience: float) -> Status:
    """Wait until a run has the status that was asked for, and return it.

    Args:
        paths: of the run.
        reached: whether it is the one.
        patience: how long to wait, in seconds.

    Raises:
        BusyError: it does not have it in time, or the engine is stalled; the request still waits.
    """
    deadline = time.monotonic() + patience
    follower = Follower(paths)
    stalled_until = time.monotonic() + min(STALLED_SECONDS, patience)
    while not reached(status := follow_status(follower)):
        stall = stall_of(paths, live=status.live)
        if stall is not None:
            pid = stall.activity.pid
            is_suspended = is_here(stall.activity) and process_tree.suspended(pid)
            if is_suspended or time.monotonic() > stalled_until:
                run = short_id(paths.root.name)
                wake = f" To let it go on: kill -CONT {pid}." if is_suspended else ""
                raise BusyError(
                    f"Run '{paths.root.name}' is stalled: {stall.description()}.",
                    f"The request waits. See where it is: nastui runs inspect {run}.{wake} "
                    f"To end it without a checkpoint: nastui runs kill {run}; it then resumes from its last one.",
                )
        if time.monotonic() > deadline:
            raise BusyError(f"Run '{paths.root.name}' has not answered in {patience:.0f} s; it is {status}.")
        time.sleep(0.1)
    return status
