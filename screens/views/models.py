"""What the Run screen shows, as frozen records: made by ``screens.views`` and drawn by ``screens.widgets``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from runs.genotypes.genotype import Cell
from runs.store.status import Status

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
        alarms: what a person should look at; the newest last.
    """

    title: str
    id: str
    status: Status | None
    device: str
    epoch: str
    share: float
    facts: tuple[str, ...]
    said: str
    alarms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Series:
    """One curve: (epoch, value) pairs, all finite.

    Attributes:
        dots: the points are on their own, and no line joins them.
        letter: stands on the curve every few columns; curves with letters are whole lines, all of them.
    """

    name: str
    points: tuple[tuple[float, float], ...]
    dots: bool = False
    letter: str = ""


@dataclass(frozen=True)
class Band:
    """What lies between two curves: (epoch, low, high), all finite."""

    name: str
    points: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class Level:
    """A value to compare with, drawn across."""

    name: str
    value: float


@dataclass(frozen=True)
class Curves:
    """Curves of one unit over the epochs of a run.

    Attributes:
        series: the one that decides first.
        epochs: how many there will be; 0 where nobody knows.
        cursor: the epoch to mark.
        log: the axis of values has a decade a step; what is not positive is left out.
    """

    title: str
    unit: str
    series: tuple[Series, ...]
    epochs: int
    cursor: float | None = None
    log: bool = False
    bands: tuple[Band, ...] = ()
    levels: tuple[Level, ...] = ()


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
        focus: the edge that a person looks at.
    """

    cell: Cell | None
    changed: frozenset[Ends] = frozenset()
    ties: frozenset[Ends] = frozenset()
    caption: tuple[str, ...] = ()
    focus: Ends | None = None


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
        margin: per row, the lead of the derived operation over the next best; empty for none.
        share: values are shares of 1 and stand as two digits of percent.
        bars: values stand as bars.
        focus: the row and the column that a person looks at.
        told: lines under the matrix about what is looked at.
    """

    caption: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    chosen: tuple[int, ...] = ()
    entropy: tuple[float, ...] = ()
    margin: tuple[float | None, ...] = ()
    share: bool = True
    bars: bool = False
    focus: tuple[int, int] | None = None
    told: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bars:
    """One figure an item, with its sign; ``notes`` stand behind them, or are left out together.

    Attributes:
        chosen: items that count, marked.
        dead: items that have gone, drawn faintly.
    """

    caption: str
    labels: tuple[str, ...]
    values: tuple[float, ...]
    notes: tuple[str, ...] = ()
    chosen: frozenset[int] = frozenset()
    dead: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Plot:
    """A chart inside a panel."""

    caption: str
    curves: Curves
    rows: int = 9


@dataclass(frozen=True)
class Timeline:
    """One row an item, one mark an epoch; where there are more epochs than room, the last of a stretch that is set.

    Attributes:
        marks: by row, a string of one character an epoch; a space says nothing.
        key: what the marks mean.
        cursor: the place of the epoch that is looked at.
    """

    caption: str
    labels: tuple[str, ...]
    marks: tuple[str, ...]
    key: str
    cursor: int | None = None


@dataclass(frozen=True)
class Row:
    """A row of a table, or of a tree where it is ``deep``; what is ``strong`` counts, what is ``faint`` has gone."""

    text: str
    deep: int = 0
    strong: bool = False
    faint: bool = False


@dataclass(frozen=True)
class Rows:
    """Lines under a caption: a table whose columns are aligned by whoever made it, a tree, or sentences."""

    caption: str
    rows: tuple[Row, ...]


Part = Bars | Plot | Timeline | Rows | Matrix


@dataclass(frozen=True)
class Panel:
    """What a method alone can tell of an epoch: what is known of its family first, then whatever else it says."""

    facts: tuple[Fact, ...] = ()
    bars: tuple[Bars, ...] = ()
    matrices: tuple[Matrix, ...] = ()
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class LogLine:
    """An event in words. ``level`` decides its sign and its colour."""

    time: float
    level: Literal["info", "epoch", "warning", "failure", "detail"]
    text: str
