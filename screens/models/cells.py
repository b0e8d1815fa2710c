"""Cells to draw."""

from __future__ import annotations

from dataclasses import dataclass

from runs.genotypes.genotype import Cell

Ends = tuple[int, int]
"""An edge as (source, target)."""


@dataclass(frozen=True)
class CellView:
    """A cell to draw.

    Attributes:
        cell: the cell; None if there is none.
        changed: edges that differ from the epoch compared with.
        ties: edges whose two best operations are nearly equal.
        caption: lines under the diagram.
        focus: the selected edge.
    """

    cell: Cell | None
    changed: frozenset[Ends] = frozenset()
    ties: frozenset[Ends] = frozenset()
    caption: tuple[str, ...] = ()
    focus: Ends | None = None


@dataclass(frozen=True)
class CellItem:
    """One of several cells side by side.

    Attributes:
        index: the index of its run, which decides the colour of its title.
        cell: the cell; None if there is none.
        changed: edges that differ from the cell compared with.
        caption: the differences in words.
    """

    title: str
    index: int
    cell: Cell | None
    changed: frozenset[Ends] = frozenset()
    caption: str = ""
