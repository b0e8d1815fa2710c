"""The description of the selected edge: its weights, its margin and entropy, and the history of one weight."""

from __future__ import annotations

import math
from dataclasses import dataclass

from runs.log.history import History
from screens.formatting import operation_label
from screens.models.cells import Ends
from screens.models.panels import Matrix

# As many as fit into a line of text.
_MOST_SHOWN = 32
_BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Focus:
    """An edge and one of its operations.

    Attributes:
        row, column: the indices in the matrix of weights.
        ends: (source, target).
        notes: lines of text, the most important first.
    """

    row: int
    column: int
    ends: Ends | None
    notes: tuple[str, ...]


def focus(history: History, kind: str, index: int, matrix: Matrix, edge: int, operation: int | None) -> Focus | None:
    """Return the description of an edge; None if the matrix is empty.

    Args:
        history, kind, index: the run, the kind of cell, and the index of the epoch.
        matrix: the weights of that epoch.
        edge, operation: the indices; None selects the operation in the genotype, or else the one with the most weight.
    """
    if not matrix.rows or not matrix.columns:
        return None
    row = min(max(edge, 0), len(matrix.rows) - 1)
    values = matrix.values[row]
    derived = matrix.chosen[row] if row < len(matrix.chosen) else -1
    column = derived if operation is None else operation % len(matrix.columns)
    if not 0 <= column < len(values):
        column = max(range(len(values)), key=lambda at: _known(values[at]))
    return Focus(
        row,
        column,
        matrix.edges[row] if row < len(matrix.edges) else None,
        (
            _weight_note(matrix, row, column, derived),
            _history_note(history, kind, index, row, column),
            "  ".join(
                f"{operation_label(name)} {_figure(value)}" for name, value in zip(matrix.columns, values, strict=True)
            ),
        ),
    )


def _weight_note(matrix: Matrix, row: int, column: int, derived: int) -> str:
    values = matrix.values[row]
    note = f"{matrix.rows[row].replace('←', ' ◂ ')} {operation_label(matrix.columns[column])} {_figure(values[column])}"
    if derived == column:
        note += ", derived"
    elif 0 <= derived < len(values):
        note += f", derived is {operation_label(matrix.columns[derived])} {_figure(values[derived])}"
    else:
        note += ", the genotype has no such edge"
    if row < len(matrix.margin) and math.isfinite(matrix.margin[row]):
        note += f" · margin {matrix.margin[row]:.4f}"
    if row < len(matrix.entropy) and math.isfinite(matrix.entropy[row]):
        note += f" · entropy {matrix.entropy[row]:.3f} nats"
    return note


def _history_note(history: History, kind: str, index: int, row: int, column: int) -> str:
    """Return the weight in the epochs up to this one as a row of small bars."""
    done = history.epochs[: index + 1]
    values = []
    for step in range(min(len(done), _MOST_SHOWN)):
        event = done[round(step * (len(done) - 1) / max(1, min(len(done), _MOST_SHOWN) - 1))]
        snapshot = event.architecture.get(kind)
        rows = snapshot.weights if snapshot else []
        weights = rows[row] if row < len(rows) else []
        values.append(weights[column] if column < len(weights) else math.nan)
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return "no history"
    low, high = min(known), max(known)
    drawn = "".join(
        _BARS[round((value - low) / ((high - low) or 1) * (len(_BARS) - 1))] if math.isfinite(value) else " "
        for value in values
    )
    return f"since epoch {done[0].epoch} {drawn} {low:.4f} to {high:.4f}"


def _known(value: float | None) -> float:
    return -math.inf if value is None or not math.isfinite(value) else value


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
