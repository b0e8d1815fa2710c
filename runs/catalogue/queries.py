"""Hyperparameters that searches by queries share."""

from __future__ import annotations

from runs.catalogue.settings import Settings, setting


class QuerySettings(Settings):
    """The budget, and how often the search reports.

    NAS-Bench-201's own runs have 12,000 simulated seconds, for as many cells as train in that time. A table without
    seconds knows no such budget. 90 queries stand for it: with so many, random search on CIFAR-10 reaches on average
    the 93.70 that is published for it.
    """

    queries: int = setting(
        90,
        "Cells that are queried in all; one that is queried again counts again.",
        group="schedule",
        ge=1,
        le=1_000_000,
    )
    budget_seconds: float = setting(
        0.0,
        "End once the trainings behind the queries would have taken so many seconds; 0 for no such end. "
        "For a table that knows the seconds.",
        group="schedule",
        ge=0,
    )
    epoch_queries: int = setting(
        10, "Queries that are told and saved together, as an epoch.", group="schedule", ge=1, le=10_000
    )


# 12,000 s of the benchmark, and a search that is over in a second or two.
PAPER = {"queries": 90, "budget_seconds": 0.0, "epoch_queries": 10}
QUICK = {"queries": 50, "epoch_queries": 5}
