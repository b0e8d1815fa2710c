"""What a finished search's cell is worth, as a benchmark table tells it."""

from __future__ import annotations

from dataclasses import dataclass

from runs.catalogue import datasets, find_space
from runs.formatting import duration
from runs.store.record import Record


@dataclass(frozen=True)
class Worth:
    """The test accuracy of a cell after the longest schedule of a benchmark table.

    Attributes:
        dataset: the data set's title.
        accuracy: in percent.
        rank, of: among the table's architectures; 0 if the log, of an older version, has none.
    """

    dataset: str
    accuracy: float
    rank: int
    of: int

    def __str__(self) -> str:
        place = f", rank {self.rank:,} of {self.of:,}" if self.rank else ""
        return f"{self.accuracy:.2f} % on {self.dataset}{place}"


def worth(record: Record) -> Worth | None:
    """Return what the cell is worth on the run's own data set, or else on the table's first; None without a table."""
    summary = record.summary
    found = summary.judged_on(record.head["dataset"])
    if found is None:
        return None
    dataset, label = found
    known = datasets().get(dataset)
    rank = summary.benchmark_rank.get(dataset, {}).get(label, 0)
    return Worth(known.title if known else dataset, summary.benchmark[dataset][label], rank, summary.benchmark_size)


def verdict(record: Record) -> str:
    """Return the sentences with which a finished run ends; empty if no table knows its cell."""
    found = worth(record)
    if found is None:
        return ""
    space = find_space(str(record.head["space"]))
    table = space.title if space else record.head["space"]
    what = "retraining" if record.head["kind"] == "retrain" else "search"
    return f"By the benchmark {table} this cell reaches {found}. The {what} took {duration(record.summary.seconds)}."
