"""DARTS: differentiable architecture search (Liu, Simonyan and Yang, ICLR 2019)."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from runs.catalogue.baselines import (
    DARTS,
    NASBENCH201,
    NASBENCH201_OF_DRNAS,
    QUICK_DARTS,
    QUICK_NASBENCH201,
    BaselineSettings,
)
from runs.catalogue.entries import Method, Preset
from runs.catalogue.settings import setting


class DartsMethodSettings(BaselineSettings):
    """The order of the architecture gradient, and which step comes first."""

    order: Literal["first", "second"] = setting(
        "second",
        "'first' takes alpha's gradient at the current weights, 'second' at the weights after one more step, for about "
        "three times the work.",
        group="architecture",
    )
    weights_first: bool = setting(
        False,
        "Update the weights before alpha, as the authors of NAS-Bench-201 do; needs order=first.",
        group="compatibility",
    )

    @model_validator(mode="after")
    def _order_allows(self) -> Self:
        if self.weights_first and self.order == "second":
            raise ValueError("weights_first=true needs order=first: the second order looks ahead to the weight step")
        return self


METHOD = Method(
    name="darts",
    title="DARTS",
    summary="Mixes the operations of each edge by a softmax and learns its logits by gradient descent.",
    cost="One supernet; second order costs about three times first order. The quick presets take a minute or two on "
    "two CPU cores; the paper presets need a GPU.",
    reference="Liu, Simonyan, Yang: DARTS: Differentiable Architecture Search, ICLR 2019",
    options=DartsMethodSettings,
    engine="engine.methods.darts:build",
    recipes={"darts": "darts-cifar", "nasbench201": "nasbench201-200"},
    presets=(
        Preset(
            name="paper",
            summary="The published second-order CIFAR-10 search: 50 epochs, 16 channels, 8 cells. For a GPU.",
            space="darts",
            dataset="cifar10",
            seed=2,
            values={**DARTS, "order": "second"},
        ),
        Preset(
            name="paper-first",
            summary="The published first-order CIFAR-10 search: 50 epochs, 16 channels, 8 cells. For a GPU.",
            space="darts",
            dataset="cifar10",
            seed=2,
            values={**DARTS, "order": "first"},
        ),
        Preset(
            name="quick",
            summary="A small first-order search: 10 epochs, 8 channels, 3 cells. About a minute on two cores.",
            space="darts",
            dataset="digits",
            values={**QUICK_DARTS, "order": "first"},
        ),
        Preset(
            name="paper",
            summary="First order as run by the authors of NAS-Bench-201: 50 epochs, 5 cells per stage. For a GPU.",
            space="nasbench201",
            dataset="cifar10",
            values={**NASBENCH201, "order": "first", "weights_first": True},
        ),
        Preset(
            name="paper-second",
            summary="Second order on NAS-Bench-201: 50 epochs, 16 channels, 5 cells per stage. For a GPU.",
            space="nasbench201",
            dataset="cifar10",
            values={**NASBENCH201, "order": "second"},
        ),
        Preset(
            name="drnas",
            summary="First order with the settings of DrNAS's code: 100 epochs, 5 cells per stage. For a GPU.",
            space="nasbench201",
            dataset="cifar10",
            seed=2,
            values={**NASBENCH201_OF_DRNAS, "order": "first"},
        ),
        Preset(
            name="quick",
            summary="A small second-order search: 30 epochs, 8 channels, 1 cell per stage. About two minutes.",
            space="nasbench201",
            dataset="digits",
            values={**QUICK_NASBENCH201, "order": "second"},
        ),
    ),
)
