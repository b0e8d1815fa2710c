"""Hyperparameters that searches by queries share."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from runs.catalogue.groups import DataSettings, WeightSettings
from runs.catalogue.settings import setting
from runs.catalogue.spaces.darts import DartsSettings
from runs.catalogue.spaces.nasbench201 import NasBench201Settings


class QuerySettings(DataSettings, WeightSettings):
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
    evaluator: Literal["table", "training"] = setting(
        "table",
        "What answers a query: an imported benchmark 'table', or a short 'training' of the cell's network on half of "
        "the training images and its accuracy on the others. Sizes, images and weights matter to the latter alone.",
        group="evaluation",
    )
    training_epochs: int = setting(
        12, "Epochs that the network of a queried cell trains.", group="schedule", ge=1, le=10_000
    )
    nesterov: bool = setting(False, "Nesterov's form of momentum for the weights.", group="weights")

    @model_validator(mode="after")
    def _nothing_is_idle(self) -> Self:
        if self.evaluator == "table":
            for name in sorted(_TRAINING & type(self).model_fields.keys()):
                if getattr(self, name) != type(self).model_fields[name].default:
                    raise ValueError(f"{name} is of no use where a table answers: leave it out, or set evaluator")
        return self


# What acts where networks are trained, and nowhere else.
_TRAINING = {
    *DataSettings.model_fields,
    *WeightSettings.model_fields,
    *NasBench201Settings.model_fields,
    *DartsSettings.model_fields,
    "training_epochs",
    "nesterov",
}

# 12,000 s of the benchmark, and a search that is over in a second or two.
PAPER = {"queries": 90, "budget_seconds": 0.0, "epoch_queries": 10, "evaluator": "table"}
QUICK = {"queries": 50, "epoch_queries": 5}
# Small networks on the embedded images, for spaces without a table.
QUICK_TRAINING = {
    "evaluator": "training",
    "queries": 12,
    "epoch_queries": 2,
    "training_epochs": 4,
    "channels": 8,
    "layers": 3,
    "image_size": 16,
    "image_limit": 1000,
    "learning_rate": 0.05,
}
