"""Black-box searches: the best accuracy so far and its regret, against the cost of the queries."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from runs.log.events import EpochEnded
from screens.models.charts import Curves, Level, Series
from screens.models.panels import Part, Plot
from screens.views.panels.context import PanelContext

EXTRAS = frozenset({"queried", "population"})
_HOUR = 3600.0
_MOST_POINTS = 1000


def parts(context: PanelContext) -> Iterator[Part]:
    """Yield the test and validation accuracy of the incumbent, with the optimum as a line, and the regret."""
    epochs = context.history.epochs
    if not epochs or "queries" not in epochs[-1].metrics:
        return
    cost, what = _cost(epochs[-1])
    cursor = cost(context.selected.event) if context.cursor is not None and context.selected.event else None
    last = epochs[-1].metrics
    optimum = last.get("table_test_accuracy", math.nan) + last.get("regret", math.nan)
    reported = _series("best so far, test", epochs, cost, "table_test_accuracy")
    seen = _series("best so far, as queried", epochs, cost, "search_accuracy")
    shown = tuple(one for one in (reported, seen) if one.points)
    levels = (Level("optimum", optimum),) if math.isfinite(optimum) else ()
    yield Plot(f"accuracy in % against {what}", Curves("accuracy", "%", shown, 0, cursor, levels=levels))
    regret = _series("regret", epochs, cost, "regret")
    if regret.points:
        log = any(value > 0 for _, value in regret.points)
        yield Plot(
            f"regret in percentage points against {what}", Curves("regret", "", (regret,), 0, cursor, log=log), rows=8
        )


def _cost(last: EpochEnded) -> tuple[Callable[[EpochEnded], float], str]:
    """Return the unit of the cost: hours of simulated training if the table knows them, else queries."""
    if last.metrics.get("simulated_seconds", 0.0) > 2 * _HOUR:
        return lambda event: event.metrics.get("simulated_seconds", math.nan) / _HOUR, "simulated hours of training"
    return lambda event: event.metrics.get("queries", math.nan), "queries"


def _series(name: str, epochs: list[EpochEnded], cost: Callable[[EpochEnded], float], metric: str) -> Series:
    found = ((cost(event), event.metrics.get(metric, math.nan)) for event in epochs[:: 1 + len(epochs) // _MOST_POINTS])
    return Series(name, tuple(point for point in found if math.isfinite(point[0]) and math.isfinite(point[1])))
