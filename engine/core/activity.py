"""Says what this engine process is doing, for viewers and for its own end: see :mod:`runs.store.activity`.

A process has one run, so its activity is a state of the process, as logging is. The code that begins something calls
:func:`begin`; a loop whose turns are short and whose end is far calls :func:`go_on` in each of them. Both take a
microsecond. Where nothing was opened (a profile, a test, ranks other than 0), they only keep times.
"""

from __future__ import annotations

import contextlib
import heapq
import math
import os
import socket
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runs.files import descriptor_of
from runs.store.activity import Activity, boot_id

# A run is stalled after this many times the usual length of what it does, and not before the least time.
FAR_LONGER = 10.0
LEAST_SECONDS = 300.0
# Where nothing is known yet: a first unit may compile a network, or read a million files from a slow disk.
UNKNOWN = 6.0  # times the least
# Overrides the least time. See docs/supervision.md, "Stalled runs".
VARIABLE = "NASTUI_STALLED_AFTER"

STARTING = "starting"
UNIT, FIRST_UNIT, FIRST_OF_EPOCH = "a unit of work", "the first unit of work", "the first unit of an epoch"

_WRITE_SECONDS = 1.0
_REMEMBERED = 100


class _Reporter:
    """Keeps how long each kind of work took, and writes what is being done to a file, if it has one."""

    def __init__(self) -> None:
        self.doing = STARTING
        self.began = time.monotonic()
        self.at_most: float | None = None
        self.epoch = self.units = 0
        self._descriptor: int | None = None
        self._lengths: dict[str, deque[float]] = {}
        self._written = 0.0

    def open(self, path: Path) -> None:
        """Write to this file from now on."""
        with contextlib.suppress(OSError):  # a run on a full disk fails by its own words, not by these
            self._descriptor = descriptor_of(path, os.O_RDWR | os.O_CREAT)
        self._write(self.began)

    def begin(self, doing: str) -> None:
        """End what was being done, and begin this."""
        now = time.monotonic()
        lengths = self._lengths.get(self.doing)
        if lengths is None:
            lengths = self._lengths[self.doing] = deque(maxlen=_REMEMBERED)
        lengths.append(now - self.began)
        is_other, self.doing, self.began, self.at_most = doing != self.doing, doing, now, None
        if is_other or now - self._written >= _WRITE_SECONDS:
            self._write(now)

    def usual(self) -> float | None:
        """Return the usual length of what is being done; None if it has never been done.

        It is the second largest of the last hundred: work that now and then takes longer counts as slow, and a single
        suspension of the process does not.
        """
        lengths = self._lengths.get(self.doing)
        return heapq.nlargest(2, lengths)[-1] if lengths else None

    def limit(self) -> float:
        """Return after how many seconds the run is stalled."""
        least, usual = least_seconds(), self.usual()
        return UNKNOWN * least if usual is None else max(least, FAR_LONGER * usual)

    def _write(self, now: float) -> None:
        self._written = now
        if self._descriptor is None:
            return
        activity = Activity(
            self.doing,
            time.time() - (time.monotonic() - self.began),
            self.began,
            boot_id(),
            socket.gethostname(),
            os.getpid(),
            self.usual(),
            self.limit(),
            self.epoch,
            self.units,
        )
        with contextlib.suppress(OSError):
            os.pwrite(self._descriptor, activity.encoded(), 0)


_reporter = _Reporter()


def open_file(path: Path) -> None:
    """Write the activity of this process to a file."""
    _reporter.open(path)


def begin(doing: str) -> None:
    """Say that what was being done has ended, and what begins now.

    Args:
        doing: for people, and one text for each kind of work: how long it usually takes is learned by its text.
    """
    _reporter.begin(doing)


def go_on() -> None:
    """Say that the work goes on, in a loop that has begun something longer."""
    _reporter.begin(_reporter.doing)


@contextlib.contextmanager
def during(doing: str, at_most: float | None = None) -> Iterator[None]:
    """Say what is done while the block runs; what was done before goes on after it.

    Args:
        doing: as for :func:`begin`.
        at_most: a wait for a helper process ends after so many seconds: see :func:`current_wait`.
    """
    before = _reporter.doing
    _reporter.begin(doing)
    _reporter.at_most = at_most
    try:
        yield
    finally:
        _reporter.begin(before)


def wait(doing: str, at_most: float) -> None:
    """Say that a wait for a helper process begins, unless it has begun already; arguments as for :func:`during`."""
    if _reporter.doing != doing:
        _reporter.begin(doing)
        _reporter.at_most = at_most


@dataclass(frozen=True)
class Wait:
    """A wait for a helper process.

    Attributes:
        doing: what is waited for.
        seconds: how long it has lasted.
        at_most: how long it may last, in seconds.
    """

    doing: str
    seconds: float
    at_most: float


def current_wait() -> Wait | None:
    """Return the wait for a helper process that the main thread is in; for another thread."""
    doing, began, at_most = _reporter.doing, _reporter.began, _reporter.at_most
    return None if at_most is None else Wait(doing, time.monotonic() - began, at_most)


def count_unit(epoch: int) -> None:
    """Count a unit of work of this engine; ``epoch`` is the number of complete epochs of the run."""
    _reporter.epoch = epoch
    _reporter.units += 1


def least_seconds() -> float:
    """Return the least time without progress after which a run is stalled, in seconds."""
    try:
        given = float(os.environ.get(VARIABLE, ""))
    except ValueError:
        return LEAST_SECONDS
    return given if 0 < given < math.inf else LEAST_SECONDS


def usual_seconds() -> float:
    """Return how long what is being done usually takes; 0 if that is unknown."""
    return _reporter.usual() or 0.0
