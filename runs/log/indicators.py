"""Entropy and margin of a cell's edges, which measure how decided they are; one definition each.

The engine computes them for each epoch and stores them in its extras: by kind of cell, one number per edge. Screens
read them from there. For epochs without them (of methods without architecture parameters, or in edited logs), they are
computed from the snapshot by the same formulas.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from runs.log.events import CellSnapshot, EpochEnded

ENTROPY, MARGIN, COLLAPSED = "entropy", "margin", "collapsed"


def entropy(weights: Sequence[float]) -> float:
    """Return the Shannon entropy of an edge's weights in nats; a weight of 0 contributes nothing."""
    return -sum(weight * math.log(weight) for weight in weights if weight > 0)


def margin(weights: Sequence[float]) -> float:
    """Return the difference between the two largest weights of an edge; a single weight is its own margin."""
    first, second = sorted([*weights, 0.0], reverse=True)[:2]
    return first - second


def entropies(event: EpochEnded, kind: str) -> tuple[float, ...]:
    """Return the entropy of every edge of a cell in nats; NaN if unknown."""
    return _by_edge(event, kind, ENTROPY, entropy)


def margins(event: EpochEnded, kind: str) -> tuple[float, ...]:
    """Return the margin of every edge of a cell; NaN if unknown."""
    return _by_edge(event, kind, MARGIN, margin)


def collapsed(event: EpochEnded) -> bool | None:
    """Return whether the search had collapsed by the end of an epoch; None if its engine did not report it.

    :mod:`engine.search.collapse_monitor` defines collapse. Nothing is inferred for epochs of version 0.1.
    """
    value = event.extras.get(COLLAPSED)
    return value if isinstance(value, bool) else None


def _by_edge(event: EpochEnded, kind: str, name: str, formula: Callable[[Sequence[float]], float]) -> tuple[float, ...]:
    snapshot = event.architecture.get(kind)
    if snapshot is None:
        return ()
    of_kinds = event.extras.get(name)
    given = of_kinds.get(kind) if isinstance(of_kinds, dict) else None
    if isinstance(given, list) and len(given) == len(snapshot.edges):
        return tuple(map(_number, given))
    return tuple(_of_row(snapshot, row, formula) for row in range(len(snapshot.edges)))


def _of_row(snapshot: CellSnapshot, row: int, formula: Callable[[Sequence[float]], float]) -> float:
    weights = snapshot.weights[row] if row < len(snapshot.weights) else []
    alive = snapshot.alive[row] if row < len(snapshot.alive) else []
    known = [
        weight
        for column, weight in enumerate(weights)
        if (column >= len(alive) or alive[column]) and math.isfinite(weight)
    ]
    return formula(known) if known else math.nan


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
