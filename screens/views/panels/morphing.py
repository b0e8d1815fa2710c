"""PR-DARTS: the operation pool of each edge, the last transition, and the lineage of operations.

See docs/methods/prdarts.md, "What to watch".
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from screens.formatting import clean
from screens.models.panels import Part, Row, Rows
from screens.views.panels.context import PanelContext, number, short_edge, within

EXTRAS = frozenset({"pool", "transition", "choice", "discovered", "reachable_within_stages", "reachable_ever"})


def parts(context: PanelContext) -> Iterator[Part]:
    """Yield counts, the lineage on the selected edge, the pool of every edge, and the last transition."""
    pool = _last(context, "pool")
    edges = within(pool, context.kind, "edges")
    if not isinstance(edges, list):
        return
    yield _counts(context)
    labels = [short_edge(edge) for edge in context.edges]
    labels += [f"edge {index}" for index in range(len(labels), len(edges))]
    focus = min(context.selection.edge or 0, len(edges) - 1)
    yield _lineage(context, labels[focus], edges[focus], focus)
    yield _pool(labels, edges, focus)
    transition = _last(context, "transition")
    if isinstance(transition, dict):
        yield _transition(context, labels, transition)


def _last(context: PanelContext, name: str) -> Any:
    """Return the last report under a name; pools and transitions are only reported in the first epoch of a stage."""
    report = (event.extras[name] for event in reversed(context.before) if name in event.extras)
    return next(report, None)


def _counts(context: PanelContext) -> Rows:
    found = number(within(context.extras, "discovered", context.kind))
    rows = [Row(f"{found:.0f} operations discovered in {clean(context.kind)} cells", strong=True)]
    within_plan, ever = (number(context.extras.get(f"reachable_{how}")) for how in ("within_stages", "ever"))
    rows.append(Row(f"{within_plan:.0f} can be reached within the stages, {ever:.0f} ever"))
    return Rows("discovered", tuple(rows))


def _lineage(context: PanelContext, label: str, members: list[dict[str, Any]], edge: int) -> Rows:
    """Return the operations of an edge as trees: each operation below its parent, with the morphism."""
    children: dict[str, list[dict[str, Any]]] = {}
    names = {member["operation"] for member in members}
    for member in members:
        parent = member["parent"] if member["parent"] in names else ""
        children.setdefault(parent, []).append(member)
    chosen = _chosen(context, edge)
    rows: list[Row] = []
    seen: set[str] = set()

    def grow(parent: str, deep: int) -> None:
        for member in children.get(parent, ()):
            name = member["operation"]
            if name in seen:
                continue
            seen.add(name)
            line = clean(str(name)) + (f" by {clean(str(member['morph']))}" if member["morph"] else "")
            line += f" · since stage {int(member['born']) + 1}"
            weight = number(member["probability"])
            line += f" · {100 * weight:.1f} %" if math.isfinite(weight) else ""
            line += "" if member["active"] else " · dropped"
            line += " · selected" if name == chosen else ""
            rows.append(Row(line, deep, strong=name == chosen, faint=not member["active"]))
            grow(name, deep + 1)

    grow("", 0)
    return Rows(f"lineage on {label} (. and , select the edge)", tuple(rows))


def _chosen(context: PanelContext, edge: int) -> str:
    snapshot = context.snapshot
    if snapshot is None or edge >= len(snapshot.chosen) or not 0 <= snapshot.chosen[edge] < len(snapshot.operations):
        return ""
    return snapshot.operations[snapshot.chosen[edge]]


def _pool(labels: list[str], edges: list[list[dict[str, Any]]], focus: int) -> Rows:
    rows = []
    for index, members in enumerate(edges):
        active = " ".join(clean(str(member["operation"])) for member in members if member["active"])
        gone = sum(not member["active"] for member in members)
        rows.append(Row(f"{labels[index]:<8} {active}" + (f" · {gone} dropped" if gone else ""), strong=index == focus))
    return Rows("operation pool of each edge", tuple(rows))


def _transition(context: PanelContext, labels: list[str], report: dict[str, Any]) -> Rows:
    before, after = number(report.get("accuracy_before")), number(report.get("accuracy_after"))
    carried = 100 * number(report.get("carried_share"))
    rows = [Row(f"accuracy {before:.1f} % before, {after:.1f} % after · {carried:.0f} % of the weights carried over")]
    for change in report.get("changes", ()):
        if change["cell"] != context.kind:
            continue
        gone = " ".join(
            f"-{clean(str(one['operation']))} {100 * number(one['probability']):.0f}%" for one in change["dropped"]
        )
        came = " ".join(
            f"+{clean(str(one['operation']))} of {clean(str(one['parent']))} by {clean(str(one['morph']))}"
            for one in change["added"]
        )
        rows.append(Row(f"{labels[int(change['edge'])]:<8} {gone}  {came}".rstrip()))
    return Rows("the last transition: operations dropped and added, with parent and morphism", tuple(rows))
