"""The curves of a run's metrics over its epochs, in groups of one unit."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from runs.log.history import History
from screens.formatting import clean
from screens.models.charts import Curves, Series
from screens.models.selection import RunSelection
from screens.views.epochs import selected_epoch

# More points than any screen has columns.
_MOST_POINTS = 1000
# The most important groups; kappa and regions are the proxies of zero-cost searches.
_FIRST = {"accuracy": 0, "loss": 1, "kappa": 2, "regions": 3}


def metric_groups(history: History) -> tuple[str, ...]:
    """Return the groups of metrics that are drawn together: accuracies, losses, and every other metric alone."""
    names = sorted({name for event in (*history.epochs[:1], *history.epochs[-1:]) for name in event.metrics})
    found = dict.fromkeys(_group(name) for name in names)
    return tuple(sorted(found, key=lambda group: (_FIRST.get(group, len(_FIRST)), group)))


def curves(history: History, selection: RunSelection) -> Curves:
    """Return the curves of the selected group of metrics, with the selected epoch marked."""
    found = metric_groups(history)
    if not found:
        return Curves("accuracy", "%", (), history.summary.epochs, has_epochs=bool(history.epochs))
    group = found[selection.curves % len(found)]
    epochs = history.epochs[:: 1 + len(history.epochs) // _MOST_POINTS]
    if epochs[-1] is not history.epochs[-1]:
        epochs.append(history.epochs[-1])
    named = {name for event in epochs for name in event.metrics}
    names = [name for name in named if _group(name) == group]
    # The most important curve comes first and is drawn as a line.
    ordered = sorted(names, key=lambda name: (not name.startswith(("search", "valid", "test")), name))
    series = tuple(
        Series(
            clean(name.removesuffix(f"_{group}").replace("_", " ")),
            tuple(
                (event.epoch, event.metrics[name])
                for event in epochs
                if math.isfinite(event.metrics.get(name, math.nan))
            ),
        )
        for name in ordered
    )
    title = clean(group.replace("_", " "))
    if selection.smooth > 1:
        series = tuple(dataclasses.replace(one, points=_smoothed(one.points, selection.smooth)) for one in series)
        title += f", mean of {selection.smooth} epochs"
    selected = selected_epoch(history, selection).event
    cursor = selected.epoch if selected is not None and selection.epoch is not None else None
    unit = {"accuracy": "%", "loss": "nats"}.get(group, "")
    return Curves(
        title + (", log" if selection.log else ""), unit, series, history.summary.epochs, cursor, selection.log
    )


def _smoothed(points: Sequence[tuple[float, float]], epochs: int) -> tuple[tuple[float, float], ...]:
    """Return the mean of each value and those of the epochs before it."""
    smooth: list[tuple[float, float]] = []
    total, first = 0.0, 0
    for x, y in points:
        total += y
        while points[first][0] <= x - epochs:
            total -= points[first][1]
            first += 1
        smooth.append((x, total / (len(smooth) + 1 - first)))
    return tuple(smooth)


def _group(name: str) -> str:
    return next((group for group in ("accuracy", "loss") if name.endswith(group)), name)
