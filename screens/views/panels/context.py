"""The data that panels are made from, and helpers that all panels share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runs.catalogue import Space
from runs.genotypes.genotype import edge_label
from runs.log.events import CellSnapshot, EpochEnded
from runs.log.history import History
from screens.formatting import clean, operation_label
from screens.models.charts import Series
from screens.models.selection import RunSelection
from screens.views.epochs import SelectedEpoch, selected_epoch

# More points than any chart shows.
_MOST_POINTS = 1000


@dataclass(frozen=True)
class PanelContext:
    """An epoch of a run, and the history of the run.

    Attributes:
        extras: what the method reports about the epoch, which may be the one in progress.
        epoch: its number.
        snapshot: the weights of the selected kind of cell.
        edges, operations: the labels of the rows and columns of matrices, if known.
    """

    history: History
    selection: RunSelection
    selected: SelectedEpoch
    extras: Mapping[str, Any]
    epoch: int
    snapshot: CellSnapshot | None
    edges: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The selected kind of cell; before the first epoch, the first that the extras name."""
        if self.selected.kind:
            return self.selected.kind
        named = next((value for value in self.extras.values() if isinstance(value, dict)), {})
        return self.selection.cell if self.selection.cell in named else next(iter(named), "")

    @property
    def cursor(self) -> int | None:
        """The epoch to mark in charts."""
        return self.epoch if self.selection.epoch is not None else None

    @property
    def before(self) -> list[EpochEnded]:
        """The epochs up to the selected one."""
        return self.history.epochs[: self.selected.index + 1]


def context(history: History, selection: RunSelection, space: Space | None = None) -> PanelContext | None:
    """Return the data for panels; None before the first report. Until an epoch names its edges, the space does."""
    selected = selected_epoch(history, selection)
    event = history.interim if history.interim is not None and selection.epoch is None else selected.event
    if event is None:
        return None
    snapshot = selected.event.architecture.get(selected.kind) if selected.event else None
    edges: list[tuple[int, int]] = []
    operations: list[str] = []
    if snapshot is not None:
        edges, operations = snapshot.edges, [str(name) for name in snapshot.operations]
    elif space is not None:
        edges, operations = list(space.edges), list(space.operations)
    labels = tuple(edge_label(*ends) for ends in edges)
    return PanelContext(history, selection, selected, event.extras, event.epoch, snapshot, labels, tuple(operations))


def series(name: str, history: History, value: Callable[[EpochEnded], Any], *, dots: bool = False) -> Series:
    """Return a curve over all epochs that have a finite value."""
    epochs = history.epochs[:: 1 + len(history.epochs) // _MOST_POINTS]
    found = ((event.epoch, number(value(event))) for event in epochs)
    return Series(name, tuple(point for point in found if math.isfinite(point[1])), dots)


def number(value: Any) -> float:
    """Return a value as a number; NaN if it is not one."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan


def within(value: Any, *path: str | int) -> Any:
    """Return the value at a path of keys and indices; None if there is none."""
    for step in path:
        if isinstance(step, str) and isinstance(value, dict):
            value = value.get(step)
        elif isinstance(step, int) and isinstance(value, list) and 0 <= step < len(value):
            value = value[step]
        else:
            return None
    return value


def short_edge(label: str) -> str:
    """Return the label of an edge with spaces around its arrow."""
    return clean(label).replace("←", " ◂ ")


def pair(source: Any, operation: Any) -> str:
    """Return an operation with the state that it reads, ``sep5 ◂ 1``."""
    return f"{operation_label(str(operation))} ◂ {clean(str(source))}"


def filled(snapshot: CellSnapshot, rows: Any) -> Iterator[tuple[tuple[int, int], str, float]]:
    """Yield ((source, target), operation, value) of every number in a matrix of edges by operations."""
    for edge, row in zip(snapshot.edges, rows, strict=False):
        for operation, value in zip(snapshot.operations, row, strict=False):
            if math.isfinite(found := number(value)):
                yield edge, str(operation), found
