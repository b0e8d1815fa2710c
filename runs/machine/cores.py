"""How many cores this process may use, and how many of them other processes keep busy."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

_PROC, _CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")


def allowed() -> int:
    """Return the number of cores that this process may use; a batch system may allow fewer than the machine has."""
    quota = cgroup_quota()
    return present() if quota is None else max(1, min(present(), int(quota)))


def present() -> int:
    """Return the number of cores that this process may run on, whatever its share of their time."""
    return len(_affinity()) or os.cpu_count() or 1


def numbers() -> list[int]:
    """Return the numbers of the cores that this process may run on; empty if the system does not tell."""
    return sorted(_affinity())


def meet_those_of(pid: int) -> bool:
    """Return whether a process may run on a core that this one may use, too; also if the system does not tell."""
    try:
        return not os.sched_getaffinity(pid).isdisjoint(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        return True


def cgroup_quota(proc: Path = _PROC, groups: Path = _CGROUPS) -> float | None:
    """Return the cores' worth of time that the control groups of this process allow; None if there is no limit."""
    try:
        lines = (proc / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return None
    quotas = []
    for line in lines:
        _, controllers, name = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        # In a container the path may be that of the host, and only its last parts, or none of them, exist.
        inner = Path(name.lstrip("/"))
        for folder in (inner, *inner.parents):
            quotas += _quota_v1(groups / "cpu" / folder) if controllers else _quota_v2(groups / folder)
    return min(quotas, default=None)


def _quota_v2(folder: Path) -> list[float]:
    try:
        quota, period = (folder / "cpu.max").read_text().split()
        return [] if quota == "max" else [int(quota) / int(period)]
    except (OSError, ValueError, ZeroDivisionError):
        return []


def _quota_v1(folder: Path) -> list[float]:
    try:
        quota, period = (int((folder / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period"))
        return [quota / period] if quota > 0 else []
    except (OSError, ValueError, ZeroDivisionError):
        return []


@dataclass(frozen=True)
class Sample:
    """What the cores have done since the machine started, as of one moment.

    Attributes:
        cores: the number of cores that are counted: those of this process's affinity.
        busy, total: their clock ticks.
        spent: by process, its session and its clock ticks.
    """

    cores: int
    busy: int
    total: int
    spent: dict[int, tuple[int, int]]


def sample(proc: Path = _PROC) -> Sample | None:
    """Return the current counts; None on systems without ``/proc``. Takes milliseconds."""
    mine = {f"cpu{number}" for number in _affinity()}
    busy = total = cores = 0
    try:
        for line in (proc / "stat").read_text().splitlines():
            name, *fields = line.split()
            if name in mine:
                ticks = [int(field) for field in fields[:8]]
                idle = ticks[3] + ticks[4]
                busy, total, cores = busy + sum(ticks) - idle, total + sum(ticks), cores + 1
        names = os.listdir(proc)  # noqa: PTH208 - thousands of names, as text
    except (OSError, ValueError, IndexError):
        return None
    spent = {int(name): process for name in names if name.isdecimal() and (process := _process(proc / name))}
    return Sample(cores, busy, total, spent) if cores else None


def busy_cores(before: Sample, after: Sample, without: Collection[int]) -> float:
    """Return how many cores were busy on average between two samples.

    Args:
        before, after: the samples.
        without: processes that do not count, with those of the sessions that they lead.
    """
    if after.total <= before.total:
        return 0.0
    own = sum(
        ticks - before.spent.get(pid, (session, 0))[1]
        for pid, (session, ticks) in after.spent.items()
        if pid in without or session in without
    )
    return max(0.0, after.cores * (after.busy - before.busy - own) / (after.total - before.total))


def _affinity() -> set[int]:
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()


def _process(folder: Path) -> tuple[int, int] | None:
    """Return the session of a process and its clock ticks; None if it has ended."""
    try:
        # A process name may contain anything, even brackets. The fields follow the last bracket.
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        return int(fields[3]), int(fields[11]) + int(fields[12])
    except (OSError, ValueError, IndexError):
        return None
