"""The status of a run, always derived from its lock, its events and its requests."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from runs.home import RunPaths
from runs.log.events import Entry
from runs.log.history import Follower
from runs.store import lock, requests


class Status(StrEnum):
    """The state of a run: what it is doing, or how it ended.

    ``STALLED`` is shown in place of another status of a live run that makes no progress. It is never derived and no
    JSON has it: scripts that wait for the end of a run ask whether its status is ``running``.

    ``QUEUED`` is a run that the queue or Slurm will start, or whose engine is just being started. A run that nobody
    will start by itself, and that never had an engine, is ``UNSTARTED``.
    """

    UNSTARTED = "unstarted"
    QUEUED = "queued"
    RUNNING = "running"
    STALLED = "stalled"
    PAUSED = "paused"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FINISHED = "finished"
    FAILED = "failed"
    LOST = "lost"

    @property
    def live(self) -> bool:
        """Whether an engine is running."""
        return self in (Status.RUNNING, Status.STALLED, Status.PAUSED, Status.STOPPING)

    @property
    def resumable(self) -> bool:
        """Whether a new engine may continue from the checkpoint."""
        return self in (Status.STOPPED, Status.FAILED, Status.LOST, Status.QUEUED, Status.UNSTARTED)

    @property
    def before_start(self) -> bool:
        """Whether no engine has worked on the run since it was created or queued."""
        return self in (Status.QUEUED, Status.UNSTARTED)


def derive(paths: RunPaths, last_lifecycle_event: Callable[[], str]) -> Status:
    """Return the status of a run, without regard to the queue and to Slurm.

    Args:
        paths: the run.
        last_lifecycle_event: reads the log and returns the type of its last lifecycle event (``started``, ``finished``,
            ...), or an empty string. It is called after the lock has been checked, so that the last event of an engine
            that has just released the lock is not missed.
    """
    held = lock.is_held(paths.lock)
    last = last_lifecycle_event()
    if last == "finished":
        return Status.FINISHED
    if held:
        if requests.Request.STOP in requests.waiting(paths.requests):
            return Status.STOPPING
        return Status.PAUSED if last == "paused" else Status.RUNNING
    if last in ("stopped", "failed"):
        return Status(last)
    if paths.lock.exists():
        return Status.LOST
    return Status.QUEUED if paths.log.exists() else Status.UNSTARTED  # whoever starts an engine opens its log first


def current_status(paths: RunPaths) -> Status:
    """Return the status of a run, as :func:`derive`, after reading all of its log."""
    return follow_status(Follower(paths))


def follow_status(follower: Follower, on_entry: Callable[[Entry], object] = lambda _: None) -> Status:
    """Read new entries of a run's log, pass each to ``on_entry``, and return the run's current status."""

    def last_lifecycle_event() -> str:
        for entry in follower.update():
            on_entry(entry)
        return follower.history.summary.lifecycle

    return derive(follower.paths, last_lifecycle_event)
