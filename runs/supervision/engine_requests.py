"""What a live engine is asked while it works: to pause, to write a checkpoint, or what only its method answers."""

from __future__ import annotations

from runs import catalogue
from runs.errors import UsageError, closest
from runs.store import requests
from runs.store.record import Record
from runs.store.requests import MethodRequest, Request
from runs.store.status import Status, current_status
from runs.supervision.answers import ANSWER_SECONDS, wait_for


def pause(record: Record, patience: float = ANSWER_SECONDS) -> Status:
    """Ask the engine to pause; it stays in memory. Wait for its answer, and return the run's status.

    Raises:
        UsageError: the run has no engine.
    """
    request_pause(record)
    return wait_for(record.paths, lambda status: status is not Status.RUNNING, patience)


def request_pause(record: Record) -> None:
    """Ask the engine to pause, without waiting for it.

    Raises:
        UsageError: the run has no engine.
    """
    status = current_status(record.paths)
    if not status.live:
        raise UsageError(f"Run '{record.id}' is {status}, so there is nothing to pause.")
    if status is not Status.PAUSED and Request.PAUSE not in requests.waiting(record.paths.requests):
        requests.send(record.paths.requests, Request.PAUSE)


def checkpoint(record: Record) -> None:
    """Ask the engine to write a checkpoint now.

    Raises:
        UsageError: the run has no engine.
    """
    if not current_status(record.paths).live:
        raise UsageError(f"Run '{record.id}' is {current_status(record.paths)}: it has no engine that could answer.")
    requests.send(record.paths.requests, Request.CHECKPOINT)


def ask(record: Record, request: str) -> None:
    """Send the engine a request that only its method answers.

    Raises:
        UsageError: the method does not know the request, or the run has no engine.
    """
    known = catalogue.method(record.head["method"]).requests
    if request not in known:
        hint = closest(request, known) if known else ""
        raise UsageError(f"'{record.head['method']}' does not support the request '{request[:80]}'.", hint)
    if not current_status(record.paths).live:
        raise UsageError(f"Run '{record.id}' is {current_status(record.paths)}: it has no engine that could answer.")
    requests.send(record.paths.requests, MethodRequest(request))
