"""sharpDARTS: sharp separable convolutions, max-w weights, cosine power annealing (Hundt, Jain and Hager, 2019)."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from runs.catalogue.baselines import DARTS, QUICK_DARTS, BaselineSettings
from runs.catalogue.entries import Method, Preset
from runs.catalogue.settings import setting


class SharpDartsSettings(BaselineSettings):
    """How operations are weighted, and how the learning rate falls."""

    weighting: Literal["softmax", "max_w"] = setting(
        "softmax",
        "'softmax', or 'max_w': 1 - max(softmax) + softmax, so that the strongest operation of an edge has weight 1.",
        group="architecture",
    )
    rate_power: float = setting(
        2.0,
        "p of cosine power annealing: the larger p, the earlier the learning rate falls; 1 is the plain cosine.",
        group="schedule",
        ge=1,
        le=1000,
    )
    warm_up_epochs: int = setting(
        0, "Raise the learning rate of the weights linearly over this many first epochs.", group="schedule", ge=0
    )

    @model_validator(mode="after")
    def _warm_up_ends(self) -> Self:
        if self.warm_up_epochs >= self.epochs:
            raise ValueError(f"warm_up_epochs must be less than epochs={self.epochs}, got {self.warm_up_epochs}")
        return self


# The command lines of the README, which add AutoAugment.
_SHARP = {
    **DARTS,
    "epochs": 120,
    "batch_size": 48,
    "cutout_length": 16,
    "learning_rate": 0.025,
    "learning_rate_min": 1e-4,
    "rate_power": 2.0,
    "warm_up_epochs": 5,
}

METHOD = Method(
    name="sharpdarts",
    title="sharpDARTS",
    summary="First-order DARTS with other convolutions, max-w weights and a learning rate that falls faster.",
    cost="One supernet. The quick preset takes about a minute on two CPU cores; the paper presets need a GPU.",
    reference="Hundt, Jain, Hager: sharpDARTS: Faster and More Accurate Differentiable Architecture Search, 2019",
    options=SharpDartsSettings,
    engine="engine.methods.sharpdarts:build",
    recipes={"darts": "sharpdarts-cifar"},
    presets=(
        Preset(
            name="paper",
            summary="The CIFAR-10 search with SharpSepConv: 120 epochs, batch 48, 8 cells. For a GPU.",
            space="darts_sharp",
            dataset="cifar10",
            seed=22,
            values={**_SHARP, "weighting": "softmax"},
        ),
        Preset(
            name="paper-max-w",
            summary="The CIFAR-10 search with SharpSepConv and max-w weights: 120 epochs, 8 cells. For a GPU.",
            space="darts_sharp",
            dataset="cifar10",
            seed=22,
            values={**_SHARP, "weighting": "max_w"},
        ),
        Preset(
            name="quick",
            summary="A small search with max-w weights: 10 epochs, 8 channels, 3 cells. A minute on two cores.",
            space="darts_sharp",
            dataset="digits",
            values={**QUICK_DARTS, "weighting": "max_w", "learning_rate_min": 1e-4, "warm_up_epochs": 1},
        ),
    ),
)
