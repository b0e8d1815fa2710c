"""What a sweep has found so far: its members by combination and seed, figures, time left, agreement of genotypes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from runs.errors import NastuiError
from runs.fleet.grid import Combination
from runs.fleet.sweep import Sweep
from runs.genotypes.consensus import Votes, votes
from runs.genotypes.genotype import Genotype
from runs.store.groups import Spread, seconds_left
from runs.store.queue import Document
from runs.store.record import Record
from runs.store.status import Status


@dataclass(frozen=True)
class Cell:
    """One member in the matrix of a sweep.

    Attributes:
        run: its id.
        seed: its seed.
        record: None if the run was never created, or has been removed.
    """

    run: str
    seed: int
    record: Record | None


@dataclass(frozen=True)
class Row:
    """One combination of the grid, with a member for each seed."""

    values: Combination
    cells: tuple[Cell, ...]

    @property
    def finished(self) -> list[Record]:
        """The runs that count for the figures."""
        return [cell.record for cell in self.cells if cell.record and cell.record.status is Status.FINISHED]

    @cached_property
    def best(self) -> Spread | None:
        """The best accuracies of the finished runs, in percent."""
        return Spread.of(record.summary.best_accuracy for record in self.finished)

    @cached_property
    def benchmark(self) -> Spread | None:
        """The test accuracies of their genotypes in a benchmark table, in percent."""
        return Spread.of(record.benchmark_accuracy for record in self.finished)


@dataclass(frozen=True)
class Results:
    """The state of a sweep.

    Attributes:
        sweep: the sweep.
        rows: one for each combination of its grid.
        waiting: the ids of its members that the queue or Slurm has not started yet.
    """

    sweep: Sweep
    rows: tuple[Row, ...]
    waiting: frozenset[str] = frozenset()

    @property
    def records(self) -> list[Record]:
        """The runs that exist."""
        return [cell.record for row in self.rows for cell in row.cells if cell.record]

    @cached_property
    def statuses(self) -> dict[str, int]:
        """The number of members by status; those without a run count as ``missing``."""
        counted: dict[str, int] = {}
        for row in self.rows:
            for cell in row.cells:
                status = str(cell.record.status) if cell.record else "missing"
                counted[status] = counted.get(status, 0) + 1
        return counted

    @property
    def ended(self) -> bool:
        """Whether no member runs or waits."""
        return not any(record.status.live or record.id in self.waiting for record in self.records)

    @property
    def succeeded(self) -> bool:
        """Whether every member has finished, or was stopped early by its rule."""
        return "missing" not in self.statuses and all(
            record.status is Status.FINISHED or bool(record.summary.early_stop) for record in self.records
        )

    @property
    def best(self) -> Record | None:
        """The finished run with the best benchmark accuracy, or without a table with the best accuracy."""
        done = [record for row in self.rows for record in row.finished]
        tabled = [record for record in done if record.benchmark_accuracy is not None]
        if tabled:
            return max(tabled, key=lambda record: record.benchmark_accuracy or 0.0)
        return max(
            (record for record in done if record.summary.best_accuracy is not None),
            key=lambda record: record.summary.best_accuracy or 0.0,
            default=None,
        )

    def seconds_left(self) -> float | None:
        """Return the time to the end of all members, in seconds; None before the first of them has ended."""
        done = [record.summary.seconds for row in self.rows for record in row.finished]
        live = [record.summary.seconds for record in self.records if record.status.live]
        return seconds_left(done, live, len(self.waiting))

    def genotypes(self) -> dict[str, list[Genotype]]:
        """Return the genotypes of the finished members by space; damaged ones are left out."""
        found: dict[str, list[Genotype]] = {}
        for row in self.rows:
            for record in row.finished:
                try:
                    genotype = Genotype.from_json(record.summary.genotype)
                except NastuiError:
                    continue
                found.setdefault(genotype.space, []).append(genotype)
        return found

    def agreement(self) -> dict[str, dict[str, list[Votes]]]:
        """Return by space and kind of cell how often each operation was chosen on each edge."""
        return {space: votes(genotypes) for space, genotypes in self.genotypes().items()}

    def to_json(self) -> dict[str, Any]:
        """Return what ``nastui sweep show --json`` prints; keys are an interface."""
        return {
            "id": self.sweep.id,
            "name": self.sweep.name,
            "created": self.sweep.created,
            "method": self.sweep.draft["method"],
            "grid": {key: list(values) for key, values in self.sweep.grid.items()},
            "seeds": list(self.sweep.seeds),
            "statuses": self.statuses,
            "seconds_left": self.seconds_left(),
            "best": self.best.id if self.best else None,
            "rows": [
                {
                    "values": row.values,
                    "runs": [
                        {
                            "run": cell.run,
                            "seed": cell.seed,
                            "status": str(cell.record.status) if cell.record else "missing",
                            "best": cell.record.summary.best_accuracy if cell.record else None,
                            "benchmark": cell.record.benchmark_accuracy if cell.record else None,
                            "early_stop": (cell.record.summary.early_stop or None) if cell.record else None,
                        }
                        for cell in row.cells
                    ],
                    "best": row.best and asdict(row.best),
                    "benchmark": row.benchmark and asdict(row.benchmark),
                }
                for row in self.rows
            ],
            "genotypes": {
                space: {kind: [_printed(vote) for vote in listed] for kind, listed in kinds.items()}
                for space, kinds in self.agreement().items()
            },
        }


def _printed(vote: Votes) -> dict[str, Any]:
    return {"edge": [vote.source, vote.target], "chosen": dict(vote.chosen)}


def results(sweep: Sweep, records: Sequence[Record], queue: Document, jobs: frozenset[str] = frozenset()) -> Results:
    """Return the state of a sweep.

    Args:
        sweep: the sweep.
        records: of the store, or at least those of its members.
        queue: the queue of the home.
        jobs: the ids of the runs that Slurm has.
    """
    by_id = {record.id: record for record in records}
    rows: dict[str, tuple[Combination, list[Cell]]] = {}
    for member in sweep.members:
        key = repr(sorted(member.values.items(), key=lambda pair: pair[0]))
        _, cells = rows.setdefault(key, (member.values, []))
        cells.append(Cell(member.run, member.seed, by_id.get(member.run)))
    own = {member.run for member in sweep.members}
    pending = {entry.run for entry in queue.entries if not entry.launched}
    # A failed run is not requeued, even if Slurm has not noticed yet that its job is over.
    pending |= {run for run in jobs & own if run in by_id and by_id[run].status is Status.QUEUED}
    return Results(
        sweep,
        tuple(Row(values, tuple(cells)) for values, cells in rows.values()),
        frozenset(pending & own),
    )
