"""Which runs may have changed since the last look, at a fraction of the cost of reading them all."""

from __future__ import annotations

import math
import os
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from runs.errors import EnvironmentLacksError

# Engines that start, and changes of labels, are noticed at once, because they renew the time of the folder of runs.
# Other changes in a run's folder are noticed within the first time. Changes that renew the time of no folder, such as
# the start of an engine of version 0.2, are noticed within the second.
GLANCE_SECONDS, READ_SECONDS = 10.0, 100.0
# This many cost about a millisecond, so that smaller stores are examined as a whole.
LEAST_GLANCES, LEAST_READS = 500, 50
# Within this time of a folder's modification, another one may leave the same time stamp.
_UNSETTLED_NS = 2 * 10**9


@dataclass(frozen=True)
class Changes:
    """What a look has found: the runs that must be read, and those whose folders are gone."""

    due: set[str]
    gone: set[str]


class FolderWatch:
    """Examines the times of the folders of runs: of all, if the folder that holds them has a new time, else of some.

    Whoever looks must say of each run that was due whether it could be read: :meth:`has_read`, or :meth:`forget` if
    its folder is gone. A run of which neither was said is due again at the next glance.

    Args:
        folder: the folder that holds the folders of the runs.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._time = 0
        self._known: set[str] = set()
        self._times: dict[str, int] = {}
        self._to_glance_at: deque[str] = deque()
        self._to_read: deque[str] = deque()

    def names(self) -> list[str]:
        """Return the names of all runs.

        Raises:
            EnvironmentLacksError: the folder cannot be read.
        """
        try:
            with os.scandir(self._folder) as entries:
                return [entry.name for entry in entries if not entry.name.startswith(".")]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise EnvironmentLacksError(f"'{self._folder}' cannot be read: {error.strerror}.") from error

    def begin(self) -> list[str]:
        """Return the names of all runs: all of them are due. Raises as :meth:`names`."""
        self._time = folder_time(self._folder)
        names = self.names()
        self._known, self._times = set(names), {}
        self._to_glance_at, self._to_read = deque(names), deque(names)
        return names

    def look(self, seconds: float) -> Changes:
        """Return what has changed. Raises as :meth:`names`.

        Args:
            seconds: since the last look.
        """
        glances = max(LEAST_GLANCES, math.ceil(len(self._to_glance_at) * seconds / GLANCE_SECONDS))
        reads = max(LEAST_READS, math.ceil(len(self._to_read) * seconds / READ_SECONDS))
        new: set[str] = set()
        gone: set[str] = set()
        modified = folder_time(self._folder)
        if not modified or modified != self._time:
            self._time = modified
            names = set(self.names())
            gone, new = self._known - names, names - self._known
            self._known = names
            glances = len(self._to_glance_at)
        before = time.time_ns() - _UNSETTLED_NS
        due = {name for name in self._next(self._to_glance_at, glances) if self._may_have_changed(name, before)}
        due.update(self._next(self._to_read, reads))
        for queue in (self._to_glance_at, self._to_read):
            queue.extend(new)
        return Changes(due | new, gone)

    def time_of(self, name: str) -> int:
        """Return the time of a run's folder, to be taken before the run is read."""
        return folder_time(f"{self._folder}/{name}")

    def has_read(self, name: str, modified: int) -> None:
        """Say that a run was read after its folder had this time."""
        self._times[name] = modified

    def forget(self, name: str) -> None:
        """Say that the folder of a run is gone."""
        self._known.discard(name)
        self._times.pop(name, None)

    def _next(self, queue: deque[str], number: int) -> list[str]:
        """Return so many names from the front of a queue, and put those that are still known at its end."""
        names = [queue.popleft() for _ in range(min(number, len(queue)))]
        names = [name for name in names if name in self._known]
        queue.extend(names)
        return names

    def _may_have_changed(self, name: str, before: int) -> bool:
        modified = folder_time(f"{self._folder}/{name}", before)
        return not modified or modified != self._times.get(name)


def folder_time(folder: str, before: int | None = None) -> int:
    """Return when a folder or its attributes changed, in nanoseconds; 0 if the next change may get the same time.

    Args:
        folder: the folder.
        before: the moment from which on that may happen; None for one that depends on the current time.
    """
    try:
        modified = os.stat(folder).st_ctime_ns  # noqa: PTH116 - for thousands of runs, again and again
    except OSError:
        return 0
    return modified if modified < (time.time_ns() - _UNSETTLED_NS if before is None else before) else 0
