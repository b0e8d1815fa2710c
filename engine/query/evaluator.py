"""What a query answers: here, what a benchmark table knows of a cell."""

from __future__ import annotations

from dataclasses import dataclass

from engine.query.codec import Cell
from runs.benchmarks.table import shown
from runs.genotypes import nasbench201
from runs.queries import Answers


@dataclass(frozen=True)
class Answer:
    """What a query brings.

    Attributes:
        accuracy: the signal that the search may use, in percent.
        seconds: what the training behind it took; 0 where nobody knows.
    """

    accuracy: float
    seconds: float = 0.0


class TableEvaluator:
    """Looks cells of NAS-Bench-201 up; the same cell always has the same answer.

    Args:
        answers: the table, and which of its columns count.
    """

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def query(self, cell: Cell) -> Answer:
        """Return the validation accuracy after short training, and its seconds where the table has them."""
        row = self._row(cell)
        seconds = self._answers.seconds
        return Answer(shown(row[self._answers.signal]), 0.0 if seconds is None else row[seconds])

    def reached(self, cell: Cell) -> float:
        """Return the test accuracy after full training, in percent: what papers report and no search may look at."""
        return shown(self._row(cell)[self._answers.report])

    def _row(self, cell: Cell) -> tuple[float, ...]:
        row = self._answers.table.row(nasbench201.genotype(cell))
        assert row is not None  # runs.queries takes complete tables alone
        return row
