"""Statuses as a sign and a word, so that none is told by colour alone."""

from __future__ import annotations

from runs.store.status import Status

_SIGNS = {
    Status.QUEUED: "·",
    Status.RUNNING: "●",
    Status.PAUSED: "‖",
    Status.STOPPING: "◌",
    Status.STOPPED: "■",
    Status.FINISHED: "✓",
    Status.FAILED: "✗",
    Status.LOST: "▲",
}


def sign(status: Status) -> str:
    """Return the one-cell sign of a status."""
    return _SIGNS[status]


def labelled(status: Status) -> str:
    """Return the sign and the word."""
    return f"{sign(status)} {status}"
