"""Searches that sample from Dirichlet distributions, such as DrNAS: concentrations, and the accuracy of samples."""

from __future__ import annotations

import math
from collections.abc import Iterator

from runs.log.events import EpochEnded
from screens.models.charts import Band, Curves
from screens.models.panels import Part, Plot
from screens.views.panels.context import PanelContext, number, series, within
from screens.views.weights import value_matrix

EXTRAS = frozenset({"concentration", "benchmark_band"})


def parts(context: PanelContext) -> Iterator[Part]:
    """Yield the band of sampled architectures if a table contains them, and the concentrations as bars."""
    if context.snapshot is None or "concentration" not in context.snapshot.extras:
        return
    yield from _band(context)
    yield value_matrix(
        context.snapshot, context.snapshot.extras["concentration"], "concentrations; [derived]", bars=True
    )


def _band(context: PanelContext) -> Iterator[Part]:
    history = context.history
    reported = (event for event in reversed(history.epochs) if event.extras.get("benchmark_band"))
    named = next(reported, None)
    if named is None:
        return
    dataset, columns = next(iter(named.extras["benchmark_band"].items()))
    column = next(iter(columns))

    def sampled(event: EpochEnded, which: str) -> float:
        return number(within(event.extras, "benchmark_band", dataset, column, which))

    band = (
        (event.epoch, sampled(event, "min"), sampled(event, "max"))
        for event in history.epochs[:: 1 + len(history.epochs) // 400]
    )
    yield Plot(
        f"100 sampled cells on {dataset}, {column}, %",
        Curves(
            "accuracy",
            "%",
            (
                series("mean of the samples", history, lambda event: sampled(event, "mean")),
                series("derived", history, lambda event: within(event.benchmark, dataset, column)),
            ),
            history.summary.epochs,
            context.cursor,
            bands=(Band("worst to best", tuple(point for point in band if math.isfinite(point[1]))),),
        ),
    )
