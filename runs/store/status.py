"""The status of a run: derived from its lock, its events and its requests; never trusted from a flag."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from runs.home import RunPaths
from runs.store import lock, requests


class Status(StrEnum):
    """What a run is doing, or how it ended."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FINISHED = "finished"
    FAILED = "failed"
    LOST = "lost"

    @property
    def live(self) -> bool:
        """Whether an engine is at work."""
        return self in (Status.RUNNING, Status.PAUSED, Status.STOPPING)

    @property
    def resumable(self) -> bool:
        """Whether a new engine may go on from the checkpoint."""
        return self in (Status.STOPPED, Status.FAILED, Status.LOST, Status.QUEUED)


def derive(paths: RunPaths, said: Callable[[], str]) -> Status:
    """Return the status of a run.

    Args:
        paths: the run.
        said: reads the log and returns the last lifecycle event (``started``, ``finished``, ...), or nothing. It is
            called after the look at the lock: the last word of an engine that lets go is then certainly heard.
    """
    held = lock.is_held(paths.lock)
    last = said()
    if last == "finished":
        return Status.FINISHED
    if held:
        if requests.Request.STOP in requests.waiting(paths.requests):
            return Status.STOPPING
        return Status.PAUSED if last == "paused" else Status.RUNNING
    if last in ("stopped", "failed"):
        return Status(last)
    return Status.LOST if paths.lock.exists() else Status.QUEUED
