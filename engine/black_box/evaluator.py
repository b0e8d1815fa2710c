"""Evaluators of cells: the interface, and the evaluation by a benchmark table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from engine.black_box.encoding import Cell
from runs.benchmarks.table import shown
from runs.benchmarks.tabular_queries import Answers
from runs.errors import UsageError
from runs.genotypes.genotype import Genotype


@dataclass(frozen=True)
class Evaluation:
    """The result of evaluating a cell.

    Attributes:
        accuracy: the signal that the search may use, in percent.
        seconds: the duration of the training behind it; 0 if unknown.
    """

    accuracy: float
    seconds: float = 0.0


class Evaluator(Protocol):
    """Evaluates one cell after another, in units of work: batches, if it trains.

    Attributes:
        units: the number of units of one evaluation.
        images: the number of images processed since the engine started.
        done: the number of completed units of the current evaluation.
    """

    units: int
    images: int
    done: int

    def advance(self, cell: Cell) -> Evaluation | None:
        """Do the next unit of work; the last one returns the evaluation.

        Args:
            cell: the same for all units of an evaluation.
        """

    def metrics(self, best: Cell, seconds: float) -> dict[str, float]:
        """Return what this evaluator adds to the metrics of an epoch.

        Args:
            best: the best cell so far.
            seconds: of all evaluations so far.
        """

    def state(self) -> dict[str, Any]:
        """Return everything that :meth:`load` needs."""

    def load(self, state: dict[str, Any]) -> None:
        """Restore a saved state.

        Raises:
            UsageError: the evaluations would differ from those before.
        """


class TableEvaluator:
    """Looks cells up in a benchmark table, always with the same result. Implements :class:`Evaluator`.

    Args:
        answers: the table, and which of its columns count.
        genotype: from a cell to its genotype.
    """

    units = 1
    images = done = 0

    def __init__(self, answers: Answers, genotype: Callable[[Cell], Genotype]) -> None:
        self._answers, self._genotype = answers, genotype

    def advance(self, cell: Cell) -> Evaluation:
        """Return the validation accuracy after short training, and its seconds if the table has them."""
        row = self._row(cell)
        seconds = self._answers.seconds
        return Evaluation(shown(row[self._answers.signal]), 0.0 if seconds is None else row[seconds])

    def test_accuracy(self, cell: Cell) -> float:
        """Return the test accuracy after full training, in percent: what papers report and no search may use."""
        return shown(self._row(cell)[self._answers.report])

    def metrics(self, best: Cell, seconds: float) -> dict[str, float]:
        """Return the reported accuracy of the best cell, its regret, and the simulated seconds."""
        accuracy = self.test_accuracy(best)
        metrics = {
            "table_test_accuracy": accuracy,
            "regret": self._answers.table.regret(self._answers.report, accuracy),
        }
        return metrics if self._answers.seconds is None else metrics | {"simulated_seconds": seconds}

    def state(self) -> dict[str, Any]:
        """Return the checksum of the table."""
        return {"table": self._answers.table.header.sha256}

    def load(self, state: dict[str, Any]) -> None:
        """Check that the table is the same."""
        if state["table"] != self._answers.table.header.sha256:
            raise UsageError(
                f"The table '{self._answers.table.name}' is not the one that this run began with.",
                "Import the earlier table again, or start a new run.",
            )

    def _row(self, cell: Cell) -> tuple[float, ...]:
        row = self._answers.table.row(self._genotype(cell))
        assert row is not None  # runs.benchmarks.tabular_queries accepts only complete tables
        return row
