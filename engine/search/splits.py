"""Which training images train the weights, and which the architecture."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.data.images import halves, portions
from runs.catalogue.shared_settings import DifferentiableSettings, LargeDataSettings


def split(settings: LargeDataSettings, labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return the indices of both parts: halves of the training set, or a smaller share of every class each.

    Args:
        settings: the shares, and how to halve.
        labels: int64 [N], on the CPU.
        generator: draws inside the classes.
    """
    if (settings.weight_share, settings.arch_share) == (0.5, 0.5):
        assert isinstance(settings, DifferentiableSettings)
        return halves(labels, generator, how=settings.split)
    weights, architecture = portions(labels, (settings.weight_share, settings.arch_share), generator)
    return weights, architecture
