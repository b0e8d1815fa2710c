"""Stopping a run with a checkpoint, or killing its engine without one."""

from __future__ import annotations

import contextlib
import os
import signal
import time

from runs.errors import BusyError, NastuiError, UsageError
from runs.home import Home
from runs.log.event_log import append_to_log
from runs.log.events import Stopped
from runs.machine import process_tree
from runs.slurm import submission
from runs.store import requests
from runs.store.lock import engine_lock, is_held, owner_is_here, owner_pid
from runs.store.queue import Queue
from runs.store.record import Record
from runs.store.requests import Request
from runs.store.slurm_jobs import SlurmJobs, with_job
from runs.store.status import Status, current_status
from runs.supervision.answers import ANSWER_SECONDS, wait_for

KILL_SECONDS = 15.0


def stop(record: Record, patience: float = ANSWER_SECONDS) -> Status:
    """Ask the engine to write a checkpoint and exit; wait for that, and return the run's status.

    A run that waits in the queue leaves it. A job of Slurm is cancelled once its engine has answered; if it had none,
    the run is lost.
    """
    home = Home(record.paths.root.parent.parent)
    queue = Queue(home)
    queue.remove({record.id})
    while record.id in queue.pending() and is_held(home.dispatcher):
        time.sleep(0.05)  # it has been given a device, and its engine is about to start
    if request_stop(record):
        try:
            status = wait_for(record.paths, lambda status: not status.live, patience)
        except BusyError:
            if not submission.cancel(home, {record.id}):
                raise
        else:
            with contextlib.suppress(NastuiError):  # the job ends by itself
                submission.cancel(home, {record.id})
            return status
    else:
        submission.cancel(home, {record.id})
    status = wait_for(record.paths, lambda status: not status.live, patience)
    return with_job(status, SlurmJobs(home).read().entries.get(record.id))


def request_stop(record: Record) -> bool:
    """Ask the engine to write a checkpoint and exit, without waiting for it; return whether there is one."""
    if not current_status(record.paths).live:
        return False
    if Request.STOP not in requests.waiting(record.paths.requests):
        requests.send(record.paths.requests, Request.STOP)
    return True


def kill(record: Record) -> Status:
    """End the engine of a run and all its helpers at once, without a checkpoint, and return the run's status.

    Raises:
        UsageError: the engine runs on another machine.
        BusyError: the system has not ended it; a process that waits for a disk cannot be ended.
    """
    paths = record.paths
    if not current_status(paths).live:
        return current_status(paths)
    pid = owner_pid(paths.lock)
    if pid is None or not owner_is_here(paths.lock):
        raise UsageError(f"The engine of run '{record.id}' runs on another machine.", "Kill it there.")
    for facts in process_tree.tree(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(facts.pid, signal.SIGKILL)
    try:
        with engine_lock(paths.lock, KILL_SECONDS):  # nobody else writes the log then
            append_to_log(paths.events, Stopped("killed"))
    except BusyError as error:
        raise BusyError(
            f"The engine of run '{record.id}' was killed, but the system has not ended it in {KILL_SECONDS:.0f} s.",
            "It probably waits for a disk or a driver; it ends as soon as that answers.",
        ) from error
    return current_status(paths)
