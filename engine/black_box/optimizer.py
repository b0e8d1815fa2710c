"""The contract of a search by queries: which cell comes next, given what the ones before have reached."""

from __future__ import annotations

from typing import Any, Protocol

from engine.black_box.encoding import Cell


class Strategy(Protocol):
    """Proposes cells and learns what they reach, in turns. It need not keep the best: the search does."""

    def propose(self) -> Cell:
        """Return the cell to be queried next."""

    def learn(self, cell: Cell, accuracy: float) -> None:
        """Take in the answer, in percent, to the query that was proposed last."""

    def shares(self) -> list[list[float]] | None:
        """Return what it leans to, choices x alternatives, rows that sum to 1; None where it leans to nothing."""

    def extras(self) -> dict[str, Any]:
        """Return what this strategy alone can tell."""

    def state(self) -> dict[str, Any]:
        """Return everything that :meth:`load` needs, but for the generator of its draws."""

    def load(self, state: dict[str, Any]) -> None:
        """Take the state of an earlier engine."""
