"""The best cell of everything that was queried, and what the queries cost."""

from __future__ import annotations

from typing import Any

from engine.black_box.encoding import Cell
from engine.black_box.evaluator import Answer


class Record:
    """Keeps the answer of a search: the best of the whole history, the first of several equals.

    Attributes:
        queries: how many there were; one that was repeated counts again, as its training would.
        seconds: simulated, of all queries.
        best: the best cell.
        accuracy: what its query answered, in percent.
    """

    def __init__(self) -> None:
        self.queries = 0
        self.seconds = 0.0
        self.best: Cell = ()
        self.accuracy = float("-inf")

    def take(self, cell: Cell, answer: Answer) -> None:
        """Count a query and what it answered."""
        self.queries += 1
        self.seconds += answer.seconds
        if answer.accuracy > self.accuracy:
            self.best, self.accuracy = cell, answer.accuracy

    def state(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {**vars(self), "best": list(self.best)}

    def load(self, state: dict[str, Any]) -> None:
        """Take what :meth:`state` returned."""
        vars(self).update(state, best=tuple(state["best"]))
