"""The load of the processors, the memory, the GPUs and one process, read from ``/proc`` and the driver.

Without ``/proc``, and for a process on another machine, values are None.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from runs.machine import cores
from runs.machine.devices import Gpu, gpus

_PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """A process: percent of one core since the last call, resident bytes, threads."""

    pid: int
    busy: float | None
    memory: int
    threads: int


@dataclass(frozen=True)
class Machine:
    """The load at one moment.

    Attributes:
        cores: the number of processors that this process may use.
        busy: percent of all processors since the last call; None on the first call.
        load: the mean number of running processes in the last minute.
        memory: bytes in use, and in total.
        gpus: in the driver's order.
        engine: the requested process, while it is running.
    """

    cores: int
    busy: float | None = None
    load: float | None = None
    memory: tuple[int, int] | None = None
    gpus: tuple[Gpu, ...] = ()
    engine: Process | None = None


@dataclass
class Meter:
    """Measures the load between two calls of :meth:`look`. A call takes milliseconds, so make it in a thread."""

    proc: Path = _PROC
    _jiffies: tuple[int, int] | None = field(default=None, init=False)
    _process: tuple[int, float, float] | None = field(default=None, init=False)

    def look(self, pid: int | None = None) -> Machine:
        """Return the current load, including that of the process with this id if it exists."""
        return Machine(
            cores.allowed(),
            self._busy(),
            _load(),
            self._memory(),
            tuple(gpus()),
            self._engine(pid) if pid is not None else None,
        )

    def _busy(self) -> float | None:
        try:
            first = (self.proc / "stat").read_text().partition("\n")[0]
            spent = [int(word) for word in first.split()[1:9]]
        except (OSError, ValueError):
            return None
        now = sum(spent) - spent[3] - spent[4], sum(spent)
        before, self._jiffies = self._jiffies, now
        if before is None or now[1] <= before[1]:
            return None
        return 100 * (now[0] - before[0]) / (now[1] - before[1])

    def _memory(self) -> tuple[int, int] | None:
        try:
            lines = (self.proc / "meminfo").read_text().splitlines()
            known = {name: 1024 * int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
            return known["MemTotal"] - known["MemAvailable"], known["MemTotal"]
        except (OSError, ValueError, KeyError, IndexError):
            return None

    def _engine(self, pid: int) -> Process | None:
        try:
            # A process name may contain anything, even brackets. The fields follow the last bracket.
            fields = (self.proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
            spent = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            memory, threads = int(fields[21]) * os.sysconf("SC_PAGE_SIZE"), int(fields[17])
        except (OSError, ValueError, IndexError):
            return None
        now = time.monotonic()
        before, self._process = self._process, (pid, spent, now)
        busy = None
        if before is not None and before[0] == pid and now > before[2]:
            busy = 100 * (spent - before[1]) / (now - before[2])
        return Process(pid, busy, memory, threads)


def _load() -> float | None:
    try:
        return os.getloadavg()[0]
    except OSError:
        return None
