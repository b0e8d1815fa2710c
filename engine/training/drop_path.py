"""Drop path: whole operation outputs dropped at random, one draw an image."""

from __future__ import annotations

import torch
from torch import Tensor


def drop_path(features: Tensor, probability: float, generator: torch.Generator | None = None) -> Tensor:
    """Return the features with each image's kept with probability 1 - p and divided by it; training only.

    Args:
        features: [B, ...].
        probability: p, in 0..1 (excluded); 0 returns the features as they are.
        generator: on the features' device; torch's own where left out.
    """
    if probability <= 0:
        return features
    keep = torch.rand(len(features), generator=generator, device=features.device) >= probability
    return scaled(features, keep, probability)


def scaled(features: Tensor, keep: Tensor, probability: float) -> Tensor:
    """Return the features under given draws: ``keep`` [B] says which images stay."""
    factor = keep.to(features.dtype) / (1 - probability)
    return features * factor.reshape(-1, *[1] * (features.dim() - 1))
