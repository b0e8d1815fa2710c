"""TE-NAS: both proxies by round, the table of candidates as it fills, and what was pruned.

See docs/methods/tenas.md, "What to watch".
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from screens.formatting import operation_label
from screens.models.charts import Curves, Series
from screens.models.panels import Matrix, Part, Plot, Row, Rows
from screens.views.panels.context import PanelContext, number, series, short_edge, within
from screens.views.weights import value_matrix

_COLUMNS = ("change_of_kappa", "change_of_regions", "rank_of_kappa", "rank_of_regions", "rank_sum", "falls")
EXTRAS = frozenset({*_COLUMNS, "margin_in_noise", "kappa_of_draws", "regions_of_draws", "round_of_cut"})
_SHOWN = 60
# With fewer standard errors than this, a pruning decision may be due to chance.
_COIN_TOSS = 2.0


def parts(context: PanelContext) -> Iterator[Part]:
    """Yield the two trajectories with every draw, the table of the round, and the rounds in which operations fell."""
    if "kappa_of_draws" not in context.extras:
        return
    for metric, draws, caption, log in (
        ("kappa", "kappa_of_draws", "kappa of the NTK before each round of pruning; dots are draws", True),
        ("regions", "regions_of_draws", "linear regions before each round of pruning; dots are draws", False),
    ):
        yield _trajectory(context, metric, draws, caption, log=log)
    yield _table(context)
    if context.snapshot is not None:
        yield _survivors(context)


def _trajectory(context: PanelContext, metric: str, draws: str, caption: str, *, log: bool) -> Plot:
    history = context.history
    scores = [(event.epoch, event.extras) for event in history.epochs]
    if history.interim is not None:
        scores.append((history.interim.epoch, history.interim.extras))
    dots = tuple(
        (epoch, number(value)) for epoch, extras in scores for value in extras.get(draws, ()) if number(value) > 0
    )
    mean = series("mean", history, lambda event: event.metrics.get(metric))
    curves = Curves(metric, "", (mean, Series("draws", dots, dots=True)), history.summary.epochs, context.cursor, log)
    return Plot(caption, curves, rows=8)


def _table(context: PanelContext) -> Rows:
    """Return the candidates by rank sum; those at the top are pruned."""
    found = []
    for row, edge in enumerate(context.edges):
        for column, operation in enumerate(context.operations):
            scores = {name: within(context.extras, name, context.kind, row, column) for name in _COLUMNS}
            if scores["rank_sum"] is not None:
                found.append((number(scores["rank_sum"]), row, edge, operation, scores))
    found.sort(key=lambda one: (not one[4]["falls"], one[0]))
    head = Row(f"{'edge':<7} {'op':<6}{'d kappa':>9}{'d R':>9}{'ranks':>9}{'sum':>5}  margin in draw noise", faint=True)
    rows = [_candidate(context, row, edge, operation, scores) for _, row, edge, operation, scores in found[:_SHOWN]]
    if len(found) > _SHOWN:
        rows.append(Row(f"and {len(found) - _SHOWN} more", faint=True))
    known = f"{len(found)} candidates measured" if found else "no candidate measured yet"
    return Rows(f"round {context.epoch}: {known}, {context.extras.get('draws', 0)} draws", (head, *rows))


def _candidate(context: PanelContext, row: int, edge: str, operation: str, scores: dict[str, Any]) -> Row:
    ranks = f"{_whole(scores['rank_of_kappa'])}+{_whole(scores['rank_of_regions'])}"
    line = f"{short_edge(edge):<7} {operation_label(operation):<6}"
    line += f"{_change(scores['change_of_kappa']):>9}{_change(scores['change_of_regions']):>9}"
    line += f"{ranks:>9}{_whole(scores['rank_sum']):>5}"
    if scores["falls"]:
        margin = number(within(context.extras, "margin_in_noise", context.kind, row))
        note = "pruned" if math.isnan(margin) else f"pruned, {margin:.1f}" + (" may be chance" * (margin < _COIN_TOSS))
        line += f"  {note}"
    return Row(line, strong=bool(scores["falls"]))


def _survivors(context: PanelContext) -> Matrix:
    """Return the round in which each operation was pruned; surviving operations have none."""
    assert context.snapshot is not None
    rows = context.snapshot.extras.get("round_of_cut", [])
    cut = [[value or None for value in row] for row in rows]
    return value_matrix(
        context.snapshot, cut, "round of pruning; - survives, or was never a candidate", everything=True
    )


def _whole(value: Any) -> str:
    found = number(value)
    return f"{found:.0f}" if math.isfinite(found) else "-"


def _change(value: Any) -> str:
    found = number(value)
    return f"{found:+.3f}" if math.isfinite(found) else "inf"
