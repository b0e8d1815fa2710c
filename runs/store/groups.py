"""Groups of runs that differ only in their seed: their statuses, and mean and standard deviation of their results."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from runs.store.run_store import Record
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
    """Runs with the same digest (:func:`runs.store.run_head.group_id`), in the order given; at least one."""

    id: str
    members: list[Record]

    @property
    def head(self) -> dict[str, Any]:
        """The unchanging part of the first run's record. The others differ in seed, device and identity only."""
        return self.members[0].head

    @property
    def seeds(self) -> list[int]:
        """The seed of each run."""
        return [record.head["seed"] for record in self.members]

    @property
    def statuses(self) -> Counter[Status]:
        """The number of runs by status."""
        return Counter(record.status for record in self.members)

    @property
    def counted(self) -> list[Record]:
        """The runs whose results count: the finished ones, or all if none has finished."""
        return [record for record in self.members if record.status is Status.FINISHED] or self.members

    @cached_property
    def best(self) -> Spread | None:
        """The best accuracies, in percent."""
        return Spread.of(record.summary.best_accuracy for record in self.counted)

    @cached_property
    def benchmark(self) -> Spread | None:
        """The genotypes' test accuracies in a benchmark table, in percent."""
        return Spread.of(record.summary.benchmark_accuracy for record in self.counted)

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
            "statuses": {str(status): number for status, number in self.statuses.items()},
            "best": self.best and asdict(self.best),
            "benchmark": self.benchmark and asdict(self.benchmark),
            "newest": max(record.head["created"] for record in self.members),
        }


def grouped(records: Iterable[Record]) -> list[Group]:
    """Return the groups in the order of their first runs. A run without repetitions is a group of one."""
    members: dict[str, list[Record]] = {}
    for record in records:
        members.setdefault(record.head["group"], []).append(record)
    return [Group(digest, runs) for digest, runs in members.items()]


def seed_count(seeds: Sequence[int]) -> str:
    """Return ``×4 seeds``, or ``×4 runs`` if a seed occurs twice."""
    return f"×{len(seeds)} {'seeds' if len(set(seeds)) == len(seeds) else 'runs'}"
