"""How many CPU threads a run uses, if its configuration leaves that open (``threads=0``).

The number is chosen once, before the run's first step, and recorded in its ``started`` event: results depend on it, so
a resumed run uses the same. docs/performance.md, "CPU threads" has the rules and the measurements behind them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from runs import catalogue
from runs.configuration import RunConfig
from runs.home import Home, RunPaths
from runs.log.event_log import first_event
from runs.log.events import Started
from runs.machine import cores
from runs.machine.cores import Sample
from runs.store.core_shares import NOBODY, Shares, shares
from runs.store.lock import note_threads

# On a GPU the host only launches kernels; a second thread helps while images are prepared at the start.
GPU_THREADS = 2
# Below this many values per thread in the largest feature map, a further thread is hardly faster than one fewer.
VALUES_PER_THREAD = 2**19


@dataclass(frozen=True)
class Threads:
    """The CPU threads of one process of a run.

    Attributes:
        number: at least 1.
        reason: why this many, in words; empty if the configuration says so.
    """

    number: int
    reason: str = ""


def threads_of(config: RunConfig, paths: RunPaths, before: Sample | None, processes: int = 1) -> Threads:
    """Return the threads of a run whose lock is held, and say so in the lock, for engines that start later.

    Engines that start together share the idle cores: each sees the others' locks, because it chooses only after its
    slow imports.

    Args:
        config: of the run.
        paths: of the run.
        before: what the cores had done when this process started.
        processes: the number of processes of the run on this machine.
    """
    given = _configured(config, processes) or _recorded(paths)
    if given is None:
        others = shares(Home(paths.root.parent.parent), paths)
        after = cores.sample()
        own = {os.getpid(), *others.pids}
        busy = cores.busy_cores(before, after, own) if before and after else _load(others)
        given = choose(config, busy, others, processes)
    note_threads(paths.lock, given.number * processes)
    return given


def choose(config: RunConfig, busy: float = 0.0, others: Shares = NOBODY, processes: int = 1) -> Threads:
    """Return the threads of each process of a run.

    Args:
        config: of the run.
        busy: the mean number of cores that programs other than engines of this home keep busy.
        others: what the other engines of this home have.
        processes: the number of processes of the run on this machine.
    """
    if (given := _configured(config, processes)) is not None:
        return given
    if (wanted := os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()).isdecimal() and int(wanted):
        return Threads(int(wanted), "OMP_NUM_THREADS")
    allowed = cores.allowed()
    if config.device != "cpu":
        return Threads(max(1, min(GPU_THREADS, allowed // processes)), "the GPU computes")
    useful = useful_threads(config)
    if useful == 1:
        return Threads(1, "more do not pay for a network this small")
    idle = max(0, min(allowed, round(cores.present() - busy)) - others.threads)
    share = max(1, idle // (1 + others.undecided) // processes)
    if useful < share:
        return Threads(useful, "more do not pay for a network of this size")
    shared = f", shared by {others.undecided + 1} runs that start" if others.undecided else ""
    return Threads(share, f"{idle} of {allowed} {'core' if allowed == 1 else 'cores'} idle{shared}")


def useful_threads(config: RunConfig) -> int:
    """Return the number of CPU threads from which on more hardly make a run faster.

    It follows from the size of the largest feature map, batch x channels x height x width. Where the configuration does
    not say these, one thread is used.
    """
    options, dataset = config.options, catalogue.dataset(config.dataset)
    side = options.get("image_size") or dataset.size
    sizes = (options.get("batch_size"), options.get("channels"), side, side)
    if config.asks_table() or not all(isinstance(size, int) for size in sizes):
        return 1
    values = 1
    for size in sizes:
        values *= size or 1
    return max(1, values // VALUES_PER_THREAD)


def _configured(config: RunConfig, processes: int) -> Threads | None:
    return Threads(max(1, config.threads // processes)) if config.threads else None


def _recorded(paths: RunPaths) -> Threads | None:
    """Return the threads of a run that is resumed; None if it starts."""
    started = first_event(paths.events)
    number = started.environment.get("threads") if isinstance(started, Started) else None
    return Threads(number, "as at its first start") if isinstance(number, int) and number > 0 else None


def _load(others: Shares) -> float:
    """Return the number of busy cores by the load of the last minute, where processes cannot be counted one by one."""
    try:
        return max(0.0, os.getloadavg()[0] - others.threads - others.undecided)
    except OSError:
        return 0.0
