"""DARTS: differentiable architecture search (Liu, Simonyan and Yang, ICLR 2019)."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from runs.catalogue.baselines import DARTS, NASBENCH201, QUICK_DARTS, QUICK_NASBENCH201, BaselineSettings
from runs.catalogue.entries import Method, Preset
from runs.catalogue.settings import setting


class DartsMethodSettings(BaselineSettings):
    """How alpha follows the weights."""

    order: Literal["first", "second"] = setting(
        "second",
        "'first' moves alpha at the weights as they are, 'second' at those that one more step would give, for about "
        "three times the work.",
        group="architecture",
    )
    weights_first: bool = setting(
        False,
        "Let the weights step before alpha, as the authors of NAS-Bench-201 do; only with order=first.",
        group="compatibility",
    )

    @model_validator(mode="after")
    def _order_allows(self) -> Self:
        if self.weights_first and self.order == "second":
            raise ValueError("weights_first needs order=first: the second order looks ahead to the weights' step")
        return self


METHOD = Method(
    name="darts",
    title="DARTS",
    summary="Mixes the operations of each edge by a softmax, and learns its logits by gradients.",
    cost="One supernet; the second order costs about three times the first. The quick presets take a minute or two on "
    "two CPU cores; the paper presets want a GPU.",
    reference="Liu, Simonyan, Yang: DARTS: Differentiable Architecture Search, ICLR 2019",
    options=DartsMethodSettings,
    engine="engine.methods.darts:build",
    recipes={"darts": "darts-cifar", "nasbench201": "nasbench201-200"},
    presets=(
        Preset(
            name="paper",
            summary="The published CIFAR-10 search of second order: 50 epochs, 16 channels, 8 cells. For a GPU.",
            space="darts",
            dataset="cifar10",
            values={**DARTS, "order": "second"},
        ),
        Preset(
            name="paper-first",
            summary="The published CIFAR-10 search of first order: 50 epochs, 16 channels, 8 cells. For a GPU.",
            space="darts",
            dataset="cifar10",
            values={**DARTS, "order": "first"},
        ),
        Preset(
            name="quick",
            summary="The search of first order, small: 10 epochs, 8 channels, 3 cells. About a minute on two cores.",
            space="darts",
            dataset="digits",
            values={**QUICK_DARTS, "order": "first"},
        ),
        Preset(
            name="paper",
            summary="First order as the authors of NAS-Bench-201 ran it: 50 epochs, 5 cells a stage. For a GPU.",
            space="nasbench201",
            dataset="cifar10",
            values={**NASBENCH201, "order": "first", "weights_first": True},
        ),
        Preset(
            name="paper-second",
            summary="Second order on NAS-Bench-201: 50 epochs, 16 channels, 5 cells a stage. For a GPU.",
            space="nasbench201",
            dataset="cifar10",
            values={**NASBENCH201, "order": "second"},
        ),
        Preset(
            name="quick",
            summary="The search of second order, small: 30 epochs, 8 channels, 1 cell a stage. About two minutes.",
            space="nasbench201",
            dataset="digits",
            values={**QUICK_NASBENCH201, "order": "second"},
        ),
    ),
)
