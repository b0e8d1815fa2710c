"""ISTA-NAS: the operations that each node's code recovers, their changes, and the distance to freezing.

See docs/methods/ista.md, "What to watch".
"""

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
    """Yield, as far as the search reports them: freezing, the bars of each node, a timeline, distances, alerts."""
    codes = context.extras.get("codes")
    if not isinstance(codes, dict) or not codes:
        return
    freezing = context.extras.get("freezing")
    if isinstance(freezing, dict):
        yield _freezing(freezing)
    for index, code in enumerate(codes.get(context.kind, ())):
        yield _bars(context, index, code)
    yield _timeline(context, codes)
    if isinstance(freezing, dict):
        yield _distances(context, freezing)
    if alerts := context.extras.get("alerts"):
        yield Rows("needs attention", tuple(Row(clean(str(alert)), strong=True) for alert in alerts))


def _freezing(freezing: dict[str, Any]) -> Rows:
    frozen, nodes = int(freezing["frozen"]), int(freezing["nodes"])
    rows = [Row(f"{frozen} of {nodes} nodes frozen · phase: {clean(str(freezing['phase']))}", strong=True)]
    if freezing.get("candidate_parameters") is not None:
        limit = freezing.get("limit")
        size = f"recovered cell: {int(freezing['candidate_parameters']):,} parameters"
        size += f" of fewer than {int(limit):,}" if limit else ""
        rows.append(Row(size))
        if not freezing.get("accepted"):
            rows.append(Row("too large, not accepted: the previous cell is trained", strong=True))
    return Rows("freezing", tuple(rows))


def _bars(context: PanelContext, index: int, code: dict[str, Any]) -> Bars:
    """Return the largest |x| of a node; the recovered pair is marked, and trained operations have their multiplier."""
    node = _FIRST_NODE + index
    live = {(str(source), str(name)) for source, name in code.get("live", ())}
    trained = {
        (str(source), str(name)): number(alpha)
        for (source, name), alpha in zip(code.get("trained", ()), code.get("alpha", ()), strict=False)
    }
    found = []
    if context.snapshot is not None and "x" in context.snapshot.extras:
        for (source, target), operation, x in filled(context.snapshot, context.snapshot.extras["x"]):
            if target == node and (x or (str(source), operation) in live):
                found.append((abs(x), str(source), operation))
    found.sort(key=lambda one: (-one[0], (one[1], one[2]) not in live))
    shown = found[:_SHOWN]
    caption = f"node {node}: |x|"
    if math.isfinite(margin := number(code.get("margin"))):
        caption += f" · margin {margin:.3g}"
    if code.get("recovered") is False:
        caption += " · not recovered, keeps its operations"
    caption += " · frozen" if code.get("frozen") else ""
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
        for index in range(len(nodes)):
            labels.append(f"{clean(kind)[:6]} {_FIRST_NODE + index}")
            marks.append("".join(_mark(event, kind, index) for event in context.history.epochs))
    cursor = context.selected.index if context.selection.epoch is not None else None
    key = "* recovered pair changed, # frozen, ! not recovered, - unchanged"
    return Timeline("recovered pairs by epoch", tuple(labels), tuple(marks), key, cursor)


def _mark(event: EpochEnded, kind: str, index: int) -> str:
    code = within(event.extras, "codes", kind, index)
    if not isinstance(code, dict):
        return " "
    if code.get("recovered") is False:
        return "!"
    if sorted(map(str, code.get("trained", ()))) != sorted(map(str, code.get("live", ()))):
        return "*"
    return "#" if code.get("frozen") else "-"


def _distances(context: PanelContext, freezing: dict[str, Any]) -> Plot:
    count = len(context.extras["codes"].get(context.kind, ()))
    nodes = range(_FIRST_NODE, _FIRST_NODE + count)

    def distance(node: int) -> Callable[[EpochEnded], Any]:
        index = node - _FIRST_NODE
        return lambda event: within(event.extras, "codes", context.kind, index, "distance") or None

    return Plot(
        f"distance of x to the previous epoch, {clean(context.kind)} cell",
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
