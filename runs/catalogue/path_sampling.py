"""Hyperparameters of searches that sample architectures from a supernet with shared weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runs.catalogue.baselines import NASBENCH201 as _NASBENCH201
from runs.catalogue.baselines import QUICK_NASBENCH201 as _QUICK_NASBENCH201
from runs.catalogue.settings import Settings, setting


class SamplingSettings(Settings):
    """How a sampling search chooses its result."""

    samples: int = setting(
        100,
        "Architectures sampled at the end of each epoch; the one most accurate with shared weights is the result.",
        group="evaluation",
        ge=1,
        le=100_000,
    )
    sample_images: int = setting(
        512,
        "Held-out images on which each sampled architecture is scored; different images for each.",
        group="evaluation",
        ge=1,
        le=65536,
    )


def _of_weights(values: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in values.items() if not name.startswith("arch_")}


NASBENCH201 = _of_weights(_NASBENCH201)
QUICK_NASBENCH201 = _of_weights(_QUICK_NASBENCH201)
