"""ISTA-NAS: what each node's code stands for, when that changed, and how far it is from freezing (ista.md 8)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Any

from runs.log.events import EpochEnded
from screens.formatting import clean
from screens.models.charts import Curves, Level
from screens.models.panels import Bars, Part, Plot, Row, Rows, Timeline
from screens.views.panels.context import PanelContext, filled, number, pair, series, within

EXTRAS = frozenset({"codes", "freezing", "alerts", "x", "alpha"})
_SHOWN = 5
_FIRST_NODE = 2


def parts(context: PanelContext) -> Iterator[Part]:
    """Yield, as far as the search tells them: freezing, bars of each node, timeline, distances, what is odd."""
    codes = context.extras.get("codes")
    if not isinstance(codes, dict) or not codes:
        return
    freezing = context.extras.get("freezing")
    if isinstance(freezing, dict):
        yield _freezing(freezing)
    for place, told in enumerate(codes.get(context.kind, ())):
        yield _bars(context, place, told)
    yield _timeline(context, codes)
    if isinstance(freezing, dict):
        yield _distances(context, freezing)
    if alerts := context.extras.get("alerts"):
        yield Rows("worth a selection", tuple(Row(clean(str(alert)), strong=True) for alert in alerts))


def _freezing(told: dict[str, Any]) -> Rows:
    frozen, nodes = int(told["frozen"]), int(told["nodes"])
    rows = [Row(f"{frozen} of {nodes} nodes frozen · phase: {clean(str(told['phase']))}", strong=True)]
    if told.get("candidate_parameters") is not None:
        limit = told.get("limit")
        size = f"recovered cell: {int(told['candidate_parameters']):,} parameters"
        size += f" of fewer than {int(limit):,}" if limit else ""
        rows.append(Row(size))
        if not told.get("accepted"):
            rows.append(Row("too large, not taken: the cell before is trained on", strong=True))
    return Rows("freezing", tuple(rows))


def _bars(context: PanelContext, place: int, told: dict[str, Any]) -> Bars:
    """Return the largest |x| of a node; the live pair is marked, and what it was trained with has its multiplier."""
    node = _FIRST_NODE + place
    live = {(str(source), str(name)) for source, name in told.get("live", ())}
    trained = {
        (str(source), str(name)): number(alpha)
        for (source, name), alpha in zip(told.get("trained", ()), told.get("alpha", ()), strict=False)
    }
    found = []
    if context.snapshot is not None and "x" in context.snapshot.extras:
        for (source, target), operation, x in filled(context.snapshot, context.snapshot.extras["x"]):
            if target == node and (x or (str(source), operation) in live):
                found.append((abs(x), str(source), operation))
    found.sort(key=lambda one: (-one[0], (one[1], one[2]) not in live))
    shown = found[:_SHOWN]
    caption = f"node {node}: |x|"
    if math.isfinite(margin := number(told.get("margin"))):
        caption += f" · margin {margin:.3g}"
    if told.get("recovered") is False:
        caption += " · not recovered, keeps its operations"
    caption += " · frozen" if told.get("frozen") else ""
    return Bars(
        caption,
        tuple(pair(source, operation) for _, source, operation in shown),
        tuple(x for x, _, _ in shown),
        tuple(
            f"alpha {trained[source, operation]:+.2f}" if (source, operation) in trained else ""
            for _, source, operation in shown
        ),
        frozenset(at for at, (_, source, operation) in enumerate(shown) if (source, operation) in live),
    )


def _timeline(context: PanelContext, codes: dict[str, Any]) -> Timeline:
    labels, marks = [], []
    for kind, nodes in codes.items():
        for place in range(len(nodes)):
            labels.append(f"{clean(kind)[:6]} {_FIRST_NODE + place}")
            marks.append("".join(_mark(event, kind, place) for event in context.history.epochs))
    cursor = context.selected.index if context.selection.epoch is not None else None
    key = "* the live pair changed, # frozen, ! not recovered, - stood"
    return Timeline("live pairs, epoch by epoch", tuple(labels), tuple(marks), key, cursor)


def _mark(event: EpochEnded, kind: str, place: int) -> str:
    told = within(event.extras, "codes", kind, place)
    if not isinstance(told, dict):
        return " "
    if told.get("recovered") is False:
        return "!"
    if sorted(map(str, told.get("trained", ()))) != sorted(map(str, told.get("live", ()))):
        return "*"
    return "#" if told.get("frozen") else "-"


def _distances(context: PanelContext, freezing: dict[str, Any]) -> Plot:
    count = len(context.extras["codes"].get(context.kind, ()))
    nodes = range(_FIRST_NODE, _FIRST_NODE + count)

    def distance(node: int) -> Callable[[EpochEnded], Any]:
        place = node - _FIRST_NODE
        return lambda event: within(event.extras, "codes", context.kind, place, "distance") or None

    return Plot(
        f"distance of x to that of the epoch before, {clean(context.kind)} cell",
        Curves(
            "distance",
            "",
            tuple(
                dataclasses.replace(series(f"node {node}", context.history, distance(node)), letter=str(node))
                for node in nodes
            ),
            context.history.summary.epochs,
            context.cursor,
            log=True,
            levels=(Level("freezes below", number(freezing["threshold"])),),
        ),
    )
