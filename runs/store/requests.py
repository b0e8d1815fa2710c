"""Requests to a running engine: one small file each, handled in order."""

from __future__ import annotations

import contextlib
import re
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from runs.errors import EnvironmentLacksError
from runs.files import new_file


class Request(StrEnum):
    """A request that every engine answers with an event."""

    PAUSE = "pause"
    CONTINUE = "continue"
    STOP = "stop"
    CHECKPOINT = "checkpoint"


@dataclass(frozen=True)
class MethodRequest:
    """A request that only one method answers: see ``requests`` of its catalogue entry.

    Attributes:
        name: lower-case letters, digits and hyphens.
    """

    name: str

    def __str__(self) -> str:
        return f"ask-{self.name}"


_METHOD_REQUEST = re.compile("ask-([a-z0-9-]+)")


def send(folder: Path, request: Request | MethodRequest) -> None:
    """Leave a request for the engine.

    Raises:
        EnvironmentLacksError: the run's folder cannot be written.
    """
    try:
        folder.mkdir(exist_ok=True)
        with contextlib.suppress(FileExistsError):  # the same request, at the same time of a clock that was set back
            new_file(folder / f"{time.time_ns():020d}.{request}").close()  # it is empty, so it is whole at once
    except OSError as error:
        raise EnvironmentLacksError(f"'{folder}' cannot be written: {error.strerror}.") from error


def take(folder: Path) -> list[Request | MethodRequest]:
    """Return the waiting requests, oldest first, and delete them. Other files are left alone."""
    try:
        names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return []
    taken = []
    for name in names:
        with contextlib.suppress(ValueError, OSError):
            request = _named(name.rpartition(".")[2])
            (folder / name).unlink()
            taken.append(request)
    return taken


def waiting(folder: Path) -> list[Request | MethodRequest]:
    """Return the requests that the engine has not taken yet."""
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    found = []
    for name in names:
        with contextlib.suppress(ValueError):
            found.append(_named(name.rpartition(".")[2]))
    return found


def _named(word: str) -> Request | MethodRequest:
    own = _METHOD_REQUEST.fullmatch(word)
    return MethodRequest(own[1]) if own else Request(word)


def clear(folder: Path) -> None:
    """Discard requests that were sent to an earlier engine."""
    take(folder)
