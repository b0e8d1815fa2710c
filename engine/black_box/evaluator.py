"""What a query answers: the contract, and what a benchmark table knows of a cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from engine.black_box.encoding import Cell
from runs.benchmarks.table import shown
from runs.benchmarks.tabular_queries import Answers
from runs.errors import UsageError
from runs.genotypes import nasbench201


@dataclass(frozen=True)
class Answer:
    """What a query brings.

    Attributes:
        accuracy: the signal that the search may use, in percent.
        seconds: what the training behind it took; 0 where nobody knows.
    """

    accuracy: float
    seconds: float = 0.0


class Evaluator(Protocol):
    """Answers one query after the other, in units of work: batches, where it trains.

    Attributes:
        units: of one query.
        images: that it has looked at since the engine started.
        done: units of the query in progress that are done.
    """

    units: int
    images: int
    done: int

    def advance(self, cell: Cell) -> Answer | None:
        """Do the next unit of work of the query; return its answer with the last."""

    def metrics(self, best: Cell, seconds: float) -> dict[str, float]:
        """Return what an epoch tells of the best cell so far, and of the seconds of all queries."""

    def state(self) -> dict[str, Any]:
        """Return everything that :meth:`load` needs."""

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a state.

        Raises:
            UsageError: the answers would be others than before.
        """


class TableEvaluator:
    """Looks cells of NAS-Bench-201 up; the same cell always has the same answer. See :class:`Evaluator`.

    Args:
        answers: the table, and which of its columns count.
    """

    units = 1
    images = done = 0

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def advance(self, cell: Cell) -> Answer:
        """Return the validation accuracy after short training, and its seconds where the table has them."""
        row = self._row(cell)
        seconds = self._answers.seconds
        return Answer(shown(row[self._answers.signal]), 0.0 if seconds is None else row[seconds])

    def reached(self, cell: Cell) -> float:
        """Return the test accuracy after full training, in percent: what papers report and no search may look at."""
        return shown(self._row(cell)[self._answers.report])

    def metrics(self, best: Cell, seconds: float) -> dict[str, float]:
        """Return what papers report of the best cell, its regret, and the simulated seconds."""
        reached = self.reached(best)
        found = {
            "table_test_accuracy": reached,
            "regret": self._answers.table.regret(self._answers.report, reached),
        }
        return found if self._answers.seconds is None else found | {"simulated_seconds": seconds}

    def state(self) -> dict[str, Any]:
        """Return which table it is."""
        return {"table": self._answers.table.header.sha256}

    def load(self, state: dict[str, Any]) -> None:
        """See that the table is the same."""
        if state["table"] != self._answers.table.header.sha256:
            raise UsageError(
                f"The table '{self._answers.table.name}' is another than when this run began: its answers would mix.",
                "Import the one before again, or start a new run.",
            )

    def _row(self, cell: Cell) -> tuple[float, ...]:
        row = self._answers.table.row(nasbench201.genotype(cell))
        assert row is not None  # runs.benchmarks.tabular_queries takes complete tables alone
        return row
