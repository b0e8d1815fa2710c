"""Which training images train the weights, and which the architecture."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.data.images import halves, portions


def split(
    labels: Tensor, generator: torch.Generator, *, how: str, shares: tuple[float, float]
) -> tuple[Tensor, Tensor]:
    """Return the indices of both parts: halves of the training set, or a smaller share of every class for each.

    Args:
        labels: int64 [N], on the CPU.
        generator: draws within the classes.
        how: of halves, see :func:`engine.data.images.halves`.
        shares: of the weights and of the architecture.
    """
    if shares == (0.5, 0.5):
        return halves(labels, generator, how=how)
    weights, architecture = portions(labels, shares, generator)
    return weights, architecture
