"""Multipliers of operations, folded into their last batch norm: from a search network to a plain one (ista.md 4)."""

from __future__ import annotations

import torch
from torch import nn


def absorb(operation: nn.Module, alpha: float) -> None:
    """Change an operation in place so that it computes ``alpha`` times what it did.

        alpha (w u + b) = (alpha w) u + (alpha b),   u the normalised features

    This holds in training and in evaluation, for an alpha of any sign. Momentum and other state that an optimiser keeps
    of w and b is not scaled.

    Args:
        operation: one that ends in a batch norm with scale and shift, as all built with ``norms="all"``.
        alpha: the constant factor.

    Raises:
        ValueError: it does not end so.
    """
    norms = [module for module in operation.modules() if isinstance(module, nn.BatchNorm2d)]
    if not norms or not norms[-1].affine:
        raise ValueError(f"{type(operation).__name__} has no batch norm with scale and shift to take a factor")
    with torch.no_grad():
        norms[-1].weight.mul_(alpha)
        norms[-1].bias.mul_(alpha)
