"""The best cell evaluated so far, and the cost of the evaluations."""

from __future__ import annotations

from typing import Any

from engine.black_box.encoding import Cell
from engine.black_box.evaluator import Evaluation


class Incumbent:
    """The result of a search: the best cell of its whole history, the first if several are equal.

    Attributes:
        queries: the number of evaluations so far; a repeated cell counts again, as its training would.
        seconds: simulated or measured, of all evaluations.
        best: the best cell; empty before the first evaluation.
        accuracy: of the best cell, in percent.
    """

    def __init__(self) -> None:
        self.queries = 0
        self.seconds = 0.0
        self.best: Cell = ()
        self.accuracy = float("-inf")

    def update(self, cell: Cell, evaluation: Evaluation) -> None:
        """Count an evaluation, and keep its cell if it is better."""
        self.queries += 1
        self.seconds += evaluation.seconds
        if evaluation.accuracy > self.accuracy:
            self.best, self.accuracy = cell, evaluation.accuracy

    def state(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {**vars(self), "best": list(self.best)}

    def load(self, state: dict[str, Any]) -> None:
        """Restore a saved state."""
        vars(self).update(state, best=tuple(state["best"]))
