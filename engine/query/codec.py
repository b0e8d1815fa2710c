"""Cells as tuples of operation indices: drawing, changing and enumerating them."""

from __future__ import annotations

from dataclasses import dataclass

from engine.query.dice import Dice

Cell = tuple[int, ...]


@dataclass(frozen=True)
class Codec:
    """A space whose cell has one operation on every edge.

    Attributes:
        edges: how many a cell has.
        operations: how many each edge chooses from.
    """

    edges: int
    operations: int

    @property
    def size(self) -> int:
        """The number of cells."""
        return int(self.operations**self.edges)

    def random(self, dice: Dice) -> Cell:
        """Return a cell, every one as likely."""
        return tuple(dice.below(self.operations) for _ in range(self.edges))

    def mutate(self, cell: Cell, dice: Dice) -> Cell:
        """Return a cell with another operation on one edge.

        Every edge is as likely. (Public code that first draws a node favours the edges of early nodes.)
        """
        edge = dice.below(self.edges)
        other = dice.below(self.operations - 1)
        return _with(cell, edge, other + (other >= cell[edge]))

    def neighbours(self, cell: Cell) -> list[Cell]:
        """Return the cells that differ in one edge, by edge and then by operation."""
        return [
            _with(cell, edge, operation)
            for edge in range(self.edges)
            for operation in range(self.operations)
            if operation != cell[edge]
        ]


def _with(cell: Cell, edge: int, operation: int) -> Cell:
    return (*cell[:edge], operation, *cell[edge + 1 :])
