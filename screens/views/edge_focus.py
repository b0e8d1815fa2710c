"""The edge that a person looks at: its exact weights, how clear its choice is, and how it came there."""

from __future__ import annotations

import math
from dataclasses import dataclass

from runs.log.history import History
from screens.formatting import operation_label
from screens.models.cells import Ends
from screens.models.panels import Matrix

# As many as fit into a line behind words.
_MOST_SHOWN = 32
_BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Focus:
    """An edge and one of its operations.

    Attributes:
        row, column: in the matrix of weights.
        ends: (source, target).
        notes: in words, the most telling line first.
    """

    row: int
    column: int
    ends: Ends | None
    notes: tuple[str, ...]


def focus(history: History, kind: str, index: int, matrix: Matrix, edge: int, operation: int | None) -> Focus | None:
    """Return what there is to say of an edge; None where there is none.

    Args:
        history, kind, index: the run, the kind of cell and the place of the epoch.
        matrix: its weights at this epoch.
        edge, operation: which; None for the operation that the genotype takes, or the heaviest.
    """
    if not matrix.rows or not matrix.columns:
        return None
    row = min(max(edge, 0), len(matrix.rows) - 1)
    values = matrix.values[row]
    taken = matrix.chosen[row] if row < len(matrix.chosen) else -1
    column = taken if operation is None else operation % len(matrix.columns)
    if not 0 <= column < len(values):
        column = max(range(len(values)), key=lambda place: _known(values[place]))
    return Focus(
        row,
        column,
        matrix.edges[row] if row < len(matrix.edges) else None,
        (
            _said(matrix, row, column, taken),
            _course(history, kind, index, row, column),
            "  ".join(
                f"{operation_label(name)} {_figure(value)}" for name, value in zip(matrix.columns, values, strict=True)
            ),
        ),
    )


def _said(matrix: Matrix, row: int, column: int, taken: int) -> str:
    values = matrix.values[row]
    said = f"{matrix.rows[row].replace('←', ' ◂ ')} {operation_label(matrix.columns[column])} {_figure(values[column])}"
    if taken == column:
        said += ", derived"
    elif 0 <= taken < len(values):
        said += f", derived is {operation_label(matrix.columns[taken])} {_figure(values[taken])}"
    else:
        said += ", the genotype has no such edge"
    if row < len(matrix.margin) and math.isfinite(matrix.margin[row]):
        said += f" · margin {matrix.margin[row]:.4f}"
    if row < len(matrix.entropy) and math.isfinite(matrix.entropy[row]):
        said += f" · entropy {matrix.entropy[row]:.3f} nats"
    return said


def _course(history: History, kind: str, index: int, row: int, column: int) -> str:
    """Return the weight over the epochs up to this one as a row of small bars."""
    done = history.epochs[: index + 1]
    found = []
    for place in range(min(len(done), _MOST_SHOWN)):
        event = done[round(place * (len(done) - 1) / max(1, min(len(done), _MOST_SHOWN) - 1))]
        snapshot = event.architecture.get(kind)
        rows = snapshot.weights if snapshot else []
        given = rows[row] if row < len(rows) else []
        found.append(given[column] if column < len(given) else math.nan)
    known = [value for value in found if math.isfinite(value)]
    if not known:
        return "no history"
    low, high = min(known), max(known)
    drawn = "".join(
        _BARS[round((value - low) / ((high - low) or 1) * (len(_BARS) - 1))] if math.isfinite(value) else " "
        for value in found
    )
    return f"since epoch {done[0].epoch} {drawn} {low:.4f} to {high:.4f}"


def _known(value: float | None) -> float:
    return -math.inf if value is None or not math.isfinite(value) else value


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
