"""Hyperparameters of black-box searches."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from runs.catalogue.settings import setting
from runs.catalogue.shared_settings import SupernetSettings


class QuerySettings(SupernetSettings):
    """The budget, what answers, and how often the search reports.

    NAS-Bench-201's own runs have a budget of 12,000 simulated seconds. A table without seconds has no such budget; 90
    queries stand for it. With so many, random search on CIFAR-10 reaches on average its published accuracy of 93.70.
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
        fields = type(self).model_fields
        of_supernet, trained = set(_OF_SUPERNET), {*SupernetSettings.model_fields, "training_epochs"}
        if self.joined is not None:
            of_supernet |= self.joined.of_supernet
            trained |= self.joined.options
        for name in sorted(trained & fields.keys()):
            of_use = self.evaluator == "supernet" or (self.evaluator == "training" and name not in of_supernet)
            if not of_use and getattr(self, name) != fields[name].default:
                raise ValueError(f"{name} is of no use with evaluator={self.evaluator}: leave it out")
        if self.evaluator == "supernet" and self.budget_seconds:
            raise ValueError("budget_seconds counts trainings of cells, and a supernet needs none: set queries")
        return self


# Hyperparameters that act only while shared weights are trained, beside those of the space's supernet.
_OF_SUPERNET = ("sampled_accuracy", "evaluated_epochs")

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
