"""Hyperparameters and values that baseline searches share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runs.catalogue.settings import Settings, setting
from runs.catalogue.shared_settings import DifferentiableSettings


class BaselineSettings(DifferentiableSettings):
    """A differentiable search whose alpha is pulled to 0 only by weight decay."""

    arch_weight_decay: float = setting(
        1e-3, "Weight decay of Adam on the architecture variables.", group="architecture", ge=0, le=10
    )


class MeanSettings(Settings):
    """Architecture parameters that do not start around 0."""

    arch_init_mean: float = setting(0.0, "What alpha starts around.", group="architecture", ge=-100, le=100)


class TemperatureSettings(Settings):
    """Temperatures of sampling, which fall during the search."""

    temperature_start: float = setting(
        10.0, "Temperature of the first epoch; it changes linearly by epoch.", group="architecture", gt=0, le=1000
    )
    temperature_end: float = setting(0.1, "Temperature that the search ends at.", group="architecture", gt=0, le=1000)


_FAMILY: Mapping[str, Any] = {
    "split": "positional",
    "cutout_length": 0,
    "batch_size": 64,
    "epochs": 50,
    "learning_rate": 0.025,
    "learning_rate_min": 0.001,
    "momentum": 0.9,
    "gradient_clip": 5.0,
    "arch_learning_rate": 3e-4,
    "arch_beta1": 0.5,
    "arch_beta2": 0.999,
    "arch_init_scale": 1e-3,
    "arch_weight_decay": 1e-3,
}
# The settings of DARTS's search, which most later methods adopted.
DARTS: Mapping[str, Any] = {
    **_FAMILY,
    "stem": "cifar",
    "channels": 16,
    "layers": 8,
    "nesterov": False,
    "weight_decay": 3e-4,
}
# The settings of the NAS-Bench-201 authors for their baselines.
NASBENCH201: Mapping[str, Any] = {
    **_FAMILY,
    "channels": 16,
    "cells": 5,
    "batch_norm": "batch",
    "nesterov": True,
    "weight_decay": 5e-4,
}
# The settings of DrNAS's baselines on NAS-Bench-201.
NASBENCH201_OF_DRNAS: Mapping[str, Any] = {
    **NASBENCH201,
    "batch_norm": "running",
    "epochs": 100,
    "nesterov": False,
    "weight_decay": 3e-4,
}
_QUICK: Mapping[str, Any] = {
    "channels": 8,
    "image_size": 16,
    "learning_rate": 0.05,
    # With so few steps, smaller learning rates would leave alpha near its start.
    "arch_learning_rate": 0.05,
}
QUICK_DARTS: Mapping[str, Any] = {**_QUICK, "layers": 3, "epochs": 10, "image_limit": 1000}
QUICK_NASBENCH201: Mapping[str, Any] = {**_QUICK, "cells": 1, "epochs": 30}
