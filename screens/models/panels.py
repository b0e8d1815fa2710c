"""The parts of a method's panel, and figures with their names."""

from __future__ import annotations

from dataclasses import dataclass

from screens.models.charts import Curves


@dataclass(frozen=True)
class Fact:
    """A figure with its name, and a note beside it.

    Attributes:
        share: a bar shows this share of 1 before the value; None for no bar.
    """

    name: str
    value: str
    note: str = ""
    share: float | None = None


@dataclass(frozen=True)
class Matrix:
    """A matrix of edges by operations.

    Attributes:
        caption: what it holds.
        rows: one label an edge, such as ``3←1``.
        columns: the operations.
        edges: the (source, target) of each row; empty where the rows are not edges.
        values: weights; None where an operation has been pruned.
        chosen: per row the column that the genotype takes, or -1.
        entropy: per row, in nats; empty for none.
        margin: per row, the distance between the two largest weights; empty for none.
        share: values are shares of 1 and stand as two digits of percent.
        bars: values stand as bars.
        focus: the row and the column that a person looks at.
        notes: lines under the matrix about what is looked at.
    """

    caption: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    chosen: tuple[int, ...] = ()
    entropy: tuple[float, ...] = ()
    margin: tuple[float, ...] = ()
    share: bool = True
    bars: bool = False
    focus: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()
    edges: tuple[tuple[int, int], ...] = ()


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
