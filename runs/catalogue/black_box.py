"""Hyperparameters of black-box searches."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from runs.catalogue.settings import setting
from runs.catalogue.shared_settings import SupernetSettings


class QuerySettings(SupernetSettings):
    """The budget, the evaluator, and how often the search reports.

    NAS-Bench-201's own runs have a budget of 12,000 simulated seconds. Tables without seconds cannot use such a budget,
    so 90 queries replace it: with these, random search on CIFAR-10 reaches on average its published accuracy of 93.70.
    """

    queries: int = setting(
        90,
        "Cells to evaluate in total; a cell that is evaluated twice counts twice.",
        group="schedule",
        ge=1,
        le=1_000_000,
    )
    budget_seconds: float = setting(
        0.0,
        "End when the trainings of the evaluated cells took this many seconds (simulated seconds with a table); 0 sets "
        "no limit.",
        group="schedule",
        ge=0,
    )
    epoch_queries: int = setting(10, "Cells per epoch: reported and saved together.", group="schedule", ge=1, le=10_000)
    evaluator: Literal["table", "training", "supernet"] = setting(
        "table",
        "How a cell is evaluated: 'table' looks it up in an imported benchmark table; 'training' trains its network "
        "briefly on half of the training images and tests it on the other half; 'supernet' uses shared weights, "
        "trained once on uniformly sampled cells. Settings of networks, images and weights apply to the last two only.",
        group="evaluation",
    )
    training_epochs: int = setting(
        12,
        "Epochs for which the network of each cell is trained, or the supernet once.",
        group="schedule",
        ge=1,
        le=100_000,
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
                raise ValueError(f"{name} has no effect with evaluator={self.evaluator}: leave it out")
        if self.evaluator == "supernet" and self.budget_seconds:
            raise ValueError(
                f"budget_seconds={self.budget_seconds:g} has no effect with evaluator=supernet, which trains no cells: "
                "leave it out and set queries"
            )
        return self


# Hyperparameters that, like those of the space's supernet, only matter if shared weights are trained.
_OF_SUPERNET = ("sampled_accuracy", "evaluated_epochs", "gpus")

# The benchmark's 12,000 s. The search itself takes a second or two.
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
