"""Hyperparameters that searches by queries share."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from runs.catalogue.settings import setting
from runs.catalogue.shared_settings import SupernetSettings
from runs.catalogue.spaces.darts import DartsSettings
from runs.catalogue.spaces.nasbench201 import NasBench201Settings


class QuerySettings(SupernetSettings):
    """The budget, what answers, and how often the search reports.

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
        "End once the trainings behind the queries took so many seconds, simulated where a table answers; 0 for no "
        "such end.",
        group="schedule",
        ge=0,
    )
    epoch_queries: int = setting(
        10, "Queries that are told and saved together, as an epoch.", group="schedule", ge=1, le=10_000
    )
    evaluator: Literal["table", "training", "supernet"] = setting(
        "table",
        "What answers a query: an imported benchmark 'table'; a short 'training' of the cell's network on half of the "
        "training images, by its accuracy on the others; or a 'supernet' trained once on cells drawn evenly. Sizes, "
        "images and weights matter to the latter two alone.",
        group="evaluation",
    )
    training_epochs: int = setting(
        12, "Epochs that the network of a queried cell trains, or the supernet.", group="schedule", ge=1, le=100_000
    )

    @model_validator(mode="after")
    def _nothing_is_idle(self) -> Self:
        for name in sorted(_TRAINED & type(self).model_fields.keys()):
            of_use = self.evaluator == "supernet" or (self.evaluator == "training" and name not in _SHARED)
            if not of_use and getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"{name} is of no use with evaluator={self.evaluator}: leave it out")
        if self.evaluator == "supernet" and self.budget_seconds:
            raise ValueError("budget_seconds counts trainings of cells, and a supernet needs none: set queries")
        return self


# What acts where weights are trained, and what where they are shared alone.
_SHARED = {"batch_norm", "sampled_accuracy", "evaluated_epochs"}
_TRAINED = {
    *SupernetSettings.model_fields,
    *NasBench201Settings.model_fields,
    *DartsSettings.model_fields,
    "training_epochs",
}

# 12,000 s of the benchmark, and a search that is over in a second or two.
PAPER = {"queries": 90, "budget_seconds": 0.0, "epoch_queries": 10, "evaluator": "table"}
QUICK = {"queries": 50, "epoch_queries": 5}
# Small networks on the embedded images, for spaces without a table.
QUICK_TRAINING = {
    "evaluator": "training",
    "queries": 10,
    "epoch_queries": 2,
    "training_epochs": 3,
    "channels": 8,
    "layers": 3,
    "image_size": 16,
    "image_limit": 1000,
    "learning_rate": 0.05,
}
