"""Groups of runs, of a sweep or with different seeds only: their statuses, mean and deviation of their results."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from runs.store.record import Record
from runs.store.status import Status


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation (of the sample; 0 for a single value) of ``n`` values."""

    mean: float
    std: float
    n: int

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Spread | None:
        """Return mean and standard deviation of the values that are not None; None if there are none."""
        known = [value for value in values if value is not None]
        if not known:
            return None
        if not all(map(math.isfinite, known)):  # the loss of a diverged search
            return cls(sum(known) / len(known), math.nan if len(known) > 1 else 0.0, len(known))
        mean = math.fsum(known) / len(known)
        squares = math.fsum((value - mean) ** 2 for value in known)  # statistics.stdev takes ten times as long
        return cls(mean, math.sqrt(squares / (len(known) - 1)) if len(known) > 1 else 0.0, len(known))

    def __str__(self) -> str:
        """Return ``93.26 ± 0.12``; for a single value, only the value."""
        return self.text(self.n)

    def text(self, runs: int, digits: str = ".2f") -> str:
        """Return mean and standard deviation; if not all runs count, also how many do: ``93.26 ± 0.12 (2 of 3)``.

        Args:
            runs: the size of the group.
            digits: the format of both numbers.
        """
        deviation = f" ± {self.std:{digits}}" if self.n > 1 else ""
        return f"{self.mean:{digits}}{deviation}" + (f" ({self.n} of {runs})" if self.n < runs else "")


@dataclass(eq=False)
class Group:
    """Runs of one sweep, or with the same digest (:func:`runs.store.run_head.group_id`), in the order given.

    A list makes its groups anew whenever a run has changed, so what is computed from the runs is kept.

    Attributes:
        id: of the sweep, or the digest.
        members: at least one.
        texts: what a list shows of the group, by column.
    """

    id: str
    members: list[Record]
    texts: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def head(self) -> dict[str, Any]:
        """The unchanging part of the first run's record. Unless in a sweep, only seed, device and identity differ."""
        return self.members[0].head

    @property
    def is_sweep(self) -> bool:
        """Whether these are the runs of a sweep."""
        return self.id == sweep_of(self.members[0])

    @property
    def seeds(self) -> list[int]:
        """The seed of each run."""
        return [record.head["seed"] for record in self.members]

    @cached_property
    def statuses(self) -> Counter[Status]:
        """The number of runs by the status that people see."""
        return Counter(record.shown_status for record in self.members)

    @cached_property
    def seconds_left(self) -> float | None:
        """The time to the end of all runs that run or wait, in seconds; None if it is unknown."""
        done = [record.summary.seconds for record in self.members if record.status is Status.FINISHED]
        live = [record.summary.seconds for record in self.members if record.status.live]
        return seconds_left(done, live, self.statuses[Status.QUEUED])

    @property
    def counted(self) -> list[Record]:
        """The runs whose results count: the finished ones; without a sweep all, if none has finished."""
        finished = [record for record in self.members if record.status is Status.FINISHED]
        return finished if finished or self.is_sweep else self.members

    @cached_property
    def best(self) -> Spread | None:
        """The best accuracies, in percent."""
        return Spread.of(record.summary.best_accuracy for record in self.counted)

    @cached_property
    def benchmark(self) -> Spread | None:
        """The genotypes' test accuracies in a benchmark table, in percent."""
        return Spread.of(record.benchmark_accuracy for record in self.counted)

    def metrics(self) -> dict[str, Spread]:
        """Return the best value of every metric."""
        names = dict.fromkeys(name for record in self.counted for name in record.summary.best)
        found = {name: Spread.of(record.summary.best.get(name) for record in self.counted) for name in names}
        return {name: spread for name, spread in found.items() if spread is not None}

    def to_json(self) -> dict[str, Any]:
        """Return what ``nastui runs list --groups --json`` prints; keys are an interface."""
        return {
            **{name: self.head[name] for name in ("group", "kind", "method", "space", "dataset", "preset")},
            "runs": [record.id for record in self.members],
            "seeds": self.seeds,
            "statuses": dict(Counter(str(record.status) for record in self.members)),
            "best": self.best and asdict(self.best),
            "benchmark": self.benchmark and asdict(self.benchmark),
            "newest": max(record.head["created"] for record in self.members),
        }


def grouped(records: Iterable[Record], of: Callable[[Record], str] | None = None) -> list[Group]:
    """Return the groups in the order of their first runs. A run that belongs to none is a group of one.

    Args:
        records: the runs.
        of: returns the group of a run, empty for none; by default, runs that differ only in their seed share one.
    """
    members: dict[str, list[Record]] = {}
    for record in records:
        members.setdefault((of(record) or record.id) if of else record.head["group"], []).append(record)
    return [Group(name, runs) for name, runs in members.items()]


def sweep_of(record: Record) -> str:
    """Return the id of the sweep of a run; empty if it has none."""
    return str(record.head.get("sweep") or "")


def seconds_left(done: Sequence[float], live: Sequence[float], waiting: int) -> float | None:
    """Return the time to the end of several runs, in seconds; None before the first of them has ended.

    Each is taken to last as long as the finished ones did on average, and as many to run at a time as do now.

    Args:
        done: the seconds that the finished ones took.
        live: the seconds that the running ones have taken so far.
        waiting: how many have not started.
    """
    if not live and not waiting:
        return 0.0
    if not done:
        return None
    mean = sum(done) / len(done)
    left = sum(max(0.0, mean - seconds) for seconds in live) + mean * waiting
    return left / max(1, len(live))


def seed_count(seeds: Sequence[int]) -> str:
    """Return ``×4 seeds``, or ``×4 runs`` if a seed occurs twice."""
    return f"×{len(seeds)} {'seeds' if len(set(seeds)) == len(seeds) else 'runs'}"
