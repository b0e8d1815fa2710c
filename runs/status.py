"""The status of a run: derived from its lock, its events and its requests; never trusted from a flag."""

from __future__ import annotations

from enum import StrEnum

from runs import lock, requests
from runs.home import RunPaths


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


def derive(paths: RunPaths, said: str) -> Status:
    """Return the status of a run.

    Args:
        paths: the run.
        said: the last lifecycle event in its log (``started``, ``paused``, ``finished``, ...), or nothing.
    """
    if said == "finished":
        return Status.FINISHED
    if lock.is_held(paths.lock):
        if requests.Request.STOP in requests.waiting(paths.requests):
            return Status.STOPPING
        return Status.PAUSED if said == "paused" else Status.RUNNING
    if said in ("stopped", "failed"):
        return Status(said)
    return Status.LOST if paths.lock.exists() else Status.QUEUED
