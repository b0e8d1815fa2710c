"""What the Run screen shows, as frozen records: made by ``screens.views`` and drawn by ``screens.widgets``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from runs.genotypes.genotype import Cell
from runs.status import Status

Ends = tuple[int, int]
"""An edge as (source, target)."""


@dataclass(frozen=True)
class HeaderView:
    """Who a run is and how far it is.

    Attributes:
        status: None where the run's folder is gone.
        share: of the whole run, 0 to 1.
        facts: short figures behind the bar.
        said: what happened and what to do about it; empty while all goes well.
    """

    title: str
    id: str
    status: Status | None
    device: str
    epoch: str
    share: float
    facts: tuple[str, ...]
    said: str


@dataclass(frozen=True)
class Series:
    """One curve: (epoch, value) pairs, all finite."""

    name: str
    points: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Curves:
    """Curves of one unit over the epochs of a run.

    Attributes:
        series: the one that decides first.
        epochs: how many there will be; 0 where nobody knows.
        cursor: the epoch to mark.
    """

    title: str
    unit: str
    series: tuple[Series, ...]
    epochs: int
    cursor: int | None = None


@dataclass(frozen=True)
class Fact:
    """A figure with its name, and a word beside it."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class CellView:
    """A cell to draw.

    Attributes:
        cell: the cell; None where there is none.
        changed: edges that differ from the epoch compared with.
        ties: edges whose two best operations are nearly level.
        caption: lines under the diagram.
    """

    cell: Cell | None
    changed: frozenset[Ends] = frozenset()
    ties: frozenset[Ends] = frozenset()
    caption: tuple[str, ...] = ()


@dataclass(frozen=True)
class Matrix:
    """A matrix of edges by operations.

    Attributes:
        caption: what it holds.
        rows: one label an edge, such as ``3←1``.
        columns: the operations.
        values: weights; None where an operation has been pruned.
        chosen: per row the column that the genotype takes, or -1.
        entropy: per row, as a share of the most there could be; empty for none.
        share: values are shares of 1 and stand as two digits of percent.
    """

    caption: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    chosen: tuple[int, ...] = ()
    entropy: tuple[float, ...] = ()
    share: bool = True


@dataclass(frozen=True)
class Bars:
    """One figure an edge, or an item of whatever the method lists."""

    caption: str
    labels: tuple[str, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Panel:
    """What a method alone can tell of an epoch."""

    facts: tuple[Fact, ...] = ()
    bars: tuple[Bars, ...] = ()
    matrices: tuple[Matrix, ...] = ()


@dataclass(frozen=True)
class LogLine:
    """An event in words. ``level`` decides its sign and its colour."""

    time: float
    level: Literal["info", "epoch", "warning", "failure", "detail"]
    text: str
