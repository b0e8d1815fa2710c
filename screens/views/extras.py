"""What a method reports, without knowledge of the method: numbers as rows, lists as bars, matrices as heatmaps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from runs.genotypes.genotype import edge_label
from runs.log.events import CellSnapshot
from runs.log.history import History
from screens.formatting import clean
from screens.models.panels import Bars, Fact, Matrix, Panel
from screens.models.selection import RunSelection
from screens.views.epochs import selected_epoch

_MOST_ROWS, _MOST_COLUMNS, _MOST_DEPTH = 64, 24, 4


def extras_panel(history: History, selection: RunSelection, known: frozenset[str] = frozenset()) -> Panel:
    """Return the extras of the selected epoch and kind of cell, without those that are already ``known``.

    If the newest epoch is selected, the extras of the epoch in progress take its index.
    """
    selected = selected_epoch(history, selection)
    event = history.interim if history.interim is not None and selection.epoch is None else selected.event
    if event is None:
        return Panel()
    snapshot = selected.event.architecture.get(selected.kind) if selected.event else None
    facts: list[Fact] = []
    bars: list[Bars] = []
    matrices: list[Matrix] = []
    extras: list[tuple[str, Any]] = list(event.extras.items())
    if snapshot is not None:
        extras += [(name, list(rows)) for name, rows in snapshot.extras.items()]
    for name, value in extras:
        if name in known:
            continue
        for caption, item in _leaves(name, value, selected.kinds, selected.kind):
            if _holds(item, dict):
                continue  # records are left to the panels that know the method
            if _holds(item, str):
                facts.append(Fact(caption, _words(", ".join(item))))
            elif _is_matrix(item):
                matrices.append(_matrix(caption, item, snapshot))
            elif isinstance(item, list):
                bars.append(_bars(caption, item, snapshot))
            else:
                facts.append(Fact(caption, _words(item)))
    return Panel(tuple(facts), tuple(bars), tuple(matrices))


def _leaves(name: str, value: Any, kinds: tuple[str, ...], kind: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield every number, list and matrix with its name; values by kind of cell only for the selected kind."""
    caption = clean(name).replace("_", " ")
    if not isinstance(value, dict):
        yield caption, value
        return
    if depth == _MOST_DEPTH:
        return
    for key, item in value.items():
        if key in kinds:
            if key == kind:
                yield from _leaves(name, item, kinds, kind, depth + 1)
        else:
            yield from _leaves(f"{name} {key}", item, kinds, kind, depth + 1)


def _holds(item: Any, kind: type) -> bool:
    """Return whether an item is a non-empty list of one type; for records, nested lists count too."""
    if not isinstance(item, list) or not item:
        return False
    return all(isinstance(part, kind) or (kind is dict and _holds(part, kind)) for part in item)


def _is_matrix(item: Any) -> bool:
    return isinstance(item, list) and bool(item) and all(isinstance(row, list) for row in item)


def _matrix(caption: str, rows: list[list[Any]], snapshot: CellSnapshot | None) -> Matrix:
    width = min(max(map(len, rows)), _MOST_COLUMNS)
    edges, operations = (snapshot.edges, snapshot.operations) if snapshot else ([], [])
    fits = len(edges) == len(rows) and len(operations) == max(map(len, rows))
    labels = _labels(edges) if fits else [str(index) for index in range(len(rows))]
    columns = operations if fits else [str(index) for index in range(width)]
    return Matrix(
        caption,
        tuple(clean(str(label)) for label in labels[:_MOST_ROWS]),
        tuple(clean(str(column)) for column in columns[:width]),
        tuple(
            tuple(_float(row[column]) if column < len(row) else None for column in range(width))
            for row in rows[:_MOST_ROWS]
        ),
        tuple(snapshot.chosen[:_MOST_ROWS]) if snapshot and fits else (),
        share=False,
    )


def _labels(edges: list[tuple[int, int]]) -> list[str]:
    return [edge_label(*ends) for ends in edges]


def _bars(caption: str, items: list[Any], snapshot: CellSnapshot | None) -> Bars:
    fits = snapshot is not None and len(snapshot.edges) == len(items)
    labels = _labels(snapshot.edges) if snapshot and fits else [str(index) for index in range(len(items))]
    return Bars(
        caption,
        tuple(clean(str(label)) for label in labels[:_MOST_ROWS]),
        tuple(_float(item) for item in items[:_MOST_ROWS]),
    )


def _words(item: Any) -> str:
    if isinstance(item, bool) or not isinstance(item, int | float):
        return clean(str(item))[:200]
    return f"{item:.4g}" if isinstance(item, float) else f"{item:,}"


def _float(item: Any) -> float:
    return float(item) if isinstance(item, int | float) else math.nan
