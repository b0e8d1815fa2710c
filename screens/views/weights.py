"""Architecture weights as matrices of edges by operations."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from runs.genotypes.genotype import edge_label
from runs.log import indicators
from runs.log.events import CellSnapshot, EpochEnded
from runs.log.history import History
from screens.formatting import clean
from screens.models.panels import Matrix
from screens.models.selection import RunSelection
from screens.views.edge_focus import Focus, focus
from screens.views.epochs import SelectedEpoch, selected_epoch

# Larger tables are unreadable, and a damaged log must not block the screen.
_MOST_EDGES, _MOST_OPERATIONS = 200, 60


def weights_matrix(history: History, selection: RunSelection) -> Matrix | None:
    """Return the architecture weights after the selected epoch."""
    selected = selected_epoch(history, selection)
    snapshot = selected.event.architecture.get(selected.kind) if selected.event else None
    if selected.event is None or snapshot is None:
        return None
    matrix = decided_matrix(selected.event, selected.kind)
    focused = focus_of(history, selection, selected, matrix)
    if focused is None:
        return matrix
    return dataclasses.replace(matrix, focus=(focused.row, focused.column), notes=focused.notes)


def focus_of(history: History, selection: RunSelection, selected: SelectedEpoch, matrix: Matrix) -> Focus | None:
    """Return the selected edge of a matrix of weights; None if no edge is selected."""
    if selection.edge is None:
        return None
    return focus(history, selected.kind, selected.index, matrix, selection.edge, selection.operation)


def snapshot_matrix(snapshot: CellSnapshot, caption: str) -> Matrix:
    """Return a snapshot as a heatmap, whatever its shape; missing values count as pruned."""
    operations = tuple(clean(str(name)) for name in snapshot.operations[:_MOST_OPERATIONS])
    rows = []
    for place in range(min(len(snapshot.edges), _MOST_EDGES)):
        alive, given = _at(snapshot.alive, place), _at(snapshot.weights, place)
        rows.append(
            tuple(
                _float(given[column]) if column < len(given) and (column >= len(alive) or alive[column]) else None
                for column in range(len(operations))
            )
        )
    return Matrix(
        clean(caption),
        tuple(edge_label(*ends) for ends in snapshot.edges[: len(rows)]),
        operations,
        tuple(rows),
        tuple(snapshot.chosen[: len(rows)]),
        edges=tuple(snapshot.edges[: len(rows)]),
    )


def value_matrix(
    snapshot: CellSnapshot, rows: Sequence[Sequence[Any]], caption: str, *, bars: bool = False, everything: bool = False
) -> Matrix:
    """Return values of edges by operations as a matrix; with ``everything``, including those of pruned operations."""
    matrix = snapshot_matrix(snapshot, caption)
    values = tuple(
        tuple(
            _float(given[column]) if column < len(given) and given[column] is not None else None
            for column in range(len(matrix.columns))
        )
        for given in (_at(rows, place) for place in range(len(matrix.rows)))
    )
    if not everything:
        values = tuple(
            tuple(None if weight is None else value for value, weight in zip(row, weights, strict=True))
            for row, weights in zip(values, matrix.values, strict=True)
        )
    return dataclasses.replace(matrix, values=values, share=False, bars=bars)


def decided_matrix(event: EpochEnded, kind: str) -> Matrix:
    """Return a cell's weights with the entropy and the margin of each edge."""
    matrix = snapshot_matrix(event.architecture[kind], kind)
    rows = len(matrix.rows)
    return dataclasses.replace(
        matrix, entropy=indicators.entropies(event, kind)[:rows], margin=indicators.margins(event, kind)[:rows]
    )


def mean_entropy(event: EpochEnded) -> float | None:
    """Return the entropy of the architecture weights in nats, averaged over every edge of every cell."""
    edges = [value for kind in event.architecture for value in indicators.entropies(event, kind)]
    known = [value for value in edges if math.isfinite(value)]
    return sum(known) / len(known) if known else None


def _at(rows: Sequence[Any], place: int) -> Sequence[Any]:
    return rows[place] if place < len(rows) and isinstance(rows[place], list) else []


def _float(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else math.nan
