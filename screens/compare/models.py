"""What the Compare screen shows, as frozen records: made by ``screens.compare.view``, drawn by ``screens.widgets``."""

from __future__ import annotations

from dataclasses import dataclass

from runs.genotypes.genotype import Cell
from runs.store.status import Status
from screens.views.models import Ends

PANES = {1: "curves", 2: "settings", 3: "cells", 4: "ranking", 5: "published"}
"""The panes of the screen by number."""


@dataclass(frozen=True)
class RunLine:
    """A run in the list above the curves.

    Attributes:
        status: None where the run can no longer be read.
        value: of the chosen metric at the chosen epoch, in words.
        best: the best value of that metric, in words.
    """

    letter: str
    place: int
    id: str
    title: str
    status: Status | None
    epoch: str
    value: str
    best: str


@dataclass(frozen=True)
class Grid:
    """A table in words.

    Attributes:
        columns: its head; a letter of a run stands in the run's colour.
        note: a sentence above it, or in place of rows.
    """

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    note: str = ""


@dataclass(frozen=True)
class CellItem:
    """One of several cells beside each other.

    Attributes:
        place: of its run, which decides the colour of its title.
        cell: None where there is none.
        changed: edges that differ from the cell compared with.
        caption: the differences in words.
    """

    title: str
    place: int
    cell: Cell | None
    changed: frozenset[Ends] = frozenset()
    caption: str = ""
