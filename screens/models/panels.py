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
        caption: its title.
        rows: one label for each edge, such as ``3←1``.
        columns: the operations.
        edges: the (source, target) of each row; empty where the rows are not edges.
        values: the weights; None for a pruned operation.
        chosen: by row, the column of the operation in the genotype, or -1.
        entropy: per row, in nats; empty for none.
        margin: per row, the distance between the two largest weights; empty for none.
        share: values are shares of 1, shown as two digits of percent.
        bars: values are shown as bars.
        focus: the selected row and column.
        notes: lines above the matrix that describe the selected edge.
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
    """One signed value for each item; ``notes`` follow the values, or are left out together.

    Attributes:
        chosen: the marked items.
        dead: the items that were dropped, drawn dim.
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
    """One row for each item and one mark for each epoch; several epochs share a column if they do not fit.

    Attributes:
        marks: by row, one character for each epoch; a space means nothing.
        key: the meaning of the marks.
        cursor: the index of the selected epoch.
    """

    caption: str
    labels: tuple[str, ...]
    marks: tuple[str, ...]
    key: str
    cursor: int | None = None


@dataclass(frozen=True)
class Row:
    """A row of a table, or of a tree at depth ``deep``; ``strong`` rows are marked, ``faint`` rows are dim."""

    text: str
    deep: int = 0
    strong: bool = False
    faint: bool = False


@dataclass(frozen=True)
class Rows:
    """Lines under a caption: a table with aligned columns, a tree, or sentences."""

    caption: str
    rows: tuple[Row, ...]


Part = Bars | Plot | Timeline | Rows | Matrix


@dataclass(frozen=True)
class Panel:
    """What a method reports about an epoch: first what its family's panel shows, then everything else."""

    facts: tuple[Fact, ...] = ()
    bars: tuple[Bars, ...] = ()
    matrices: tuple[Matrix, ...] = ()
    parts: tuple[Part, ...] = ()
