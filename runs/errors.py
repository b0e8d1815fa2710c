"""Errors for users: what is wrong, where, and what to do. Each class has its exit code."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class NastuiError(Exception):
    """An error that users can act on; printed as one sentence, never as a traceback.

    Args:
        message: what is wrong, naming the option, file or run.
        hint: what to do about it, as a sentence or a command.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class UsageError(NastuiError):
    """Wrong usage or configuration (exit 2)."""

    exit_code = 2


class NotFoundError(NastuiError):
    """Nothing has that name, or several things do (exit 3)."""

    exit_code = 3


class BusyError(NastuiError):
    """Another process holds the resource, or the run is already running (exit 4)."""

    exit_code = 4


class EnvironmentLacksError(NastuiError):
    """The machine lacks something: a data set, a device, disk space (exit 5)."""

    exit_code = 5


class ChangedDataError(EnvironmentLacksError):
    """The data of a run have changed since it started, and a person may accept that (exit 5)."""


def closest(given: str, allowed: Iterable[str]) -> str:
    """Return "Did you mean 'x'?" for the name closest to ``given``, or the list of names if none is close.

    The initials of a name are close to it: ``lr`` means ``learning_rate``.
    """
    names = list(allowed)
    initials = [name for name in names if len(given) > 1 and given == "".join(word[:1] for word in name.split("_"))]
    match = initials or difflib.get_close_matches(given, names, n=1, cutoff=0.5)
    if match:
        return f"Did you mean '{match[0]}'?"
    return f"Allowed: {', '.join(names)}." if names else ""
