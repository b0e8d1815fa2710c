"""A sweep as its screen shows it."""

from __future__ import annotations

from dataclasses import dataclass

from screens.models.cells import CellView
from screens.models.charts import Band, Series


@dataclass(frozen=True)
class MatrixCell:
    """A run in the matrix.

    Attributes:
        run: its id; empty if the row has no run for that seed.
        sign: of its status.
        text: its figure, its progress, or its place in the queue.
        look: ``live``, ``trouble``, ``quiet`` or ``plain``.
    """

    run: str = ""
    sign: str = ""
    text: str = ""
    look: str = "plain"


@dataclass(frozen=True)
class RunMatrix:
    """The runs of a sweep: values of the grid down, seeds across; without a grid, seeds down.

    Attributes:
        keys: what varies from row to row.
        columns: the headings of the columns.
        labels: of each row, a text for each key.
        cells: by row and column.
        notes: of each row, mean and deviation, or what happened.
        note: the heading of the notes.
    """

    keys: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    labels: tuple[tuple[str, ...], ...] = ()
    cells: tuple[tuple[MatrixCell, ...], ...] = ()
    notes: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class MemberCurves:
    """The headline metric of the members by epoch.

    Attributes:
        metric: its name; empty if no member has one.
        points: of each member that was read, (epoch, value) pairs.
        mean: of all members.
        band: from the lowest to the highest.
        left_out: how many members were not read.
    """

    metric: str = ""
    points: tuple[tuple[str, tuple[tuple[float, float], ...]], ...] = ()
    mean: Series | None = None
    band: Band | None = None
    left_out: int = 0


@dataclass(frozen=True)
class Consensus:
    """The most frequent operation of each edge, of one kind of cell in one space.

    Attributes:
        title: the space and the kind of cell.
        view: the diagram; edges that fewer than two thirds agree on are ties. Below it the votes, edge by edge.
    """

    title: str
    view: CellView


@dataclass(frozen=True)
class Axis:
    """A setting that varies: its name, and its values from top to bottom."""

    title: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class ParallelLine:
    """A combination of values.

    Attributes:
        places: the index of its value on each axis.
        figure: the mean of its finished runs; None before the first.
    """

    places: tuple[int, ...]
    figure: float | None


@dataclass(frozen=True)
class ParallelView:
    """The values of every combination against its figure.

    Attributes:
        axes: one for each key of the grid.
        figure: what the last axis shows.
        lines: the combinations.
        chosen: the index of the selected one.
        note: what is said instead if there is nothing to draw.
    """

    axes: tuple[Axis, ...] = ()
    figure: str = ""
    lines: tuple[ParallelLine, ...] = ()
    chosen: int = 0
    note: str = ""
