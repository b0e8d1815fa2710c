"""Drop path: whole operation outputs are dropped at random, independently for each image."""

from __future__ import annotations

import torch
from torch import Tensor


def factors(
    operations: int, like: Tensor, probability: float, generator: torch.Generator | None = None
) -> Tensor | None:
    """Return the factors for the outputs of operations: 1 / (1 - p) with probability 1 - p, else 0.

    Args:
        operations: the number of operations; those of a whole network are drawn at once.
        like: features [B, ...], which give the number of images, the device and the type.
        probability: p, in 0..1 (excluded).
        generator: on the host or on the device of the features; by default torch's own for that device.

    Returns:
        [operations, B]; None if nothing is dropped.
    """
    if probability <= 0:
        return None
    device = like.device if generator is None else generator.device
    draws = torch.rand(operations, len(like), generator=generator, device=device)
    return kept(draws >= probability, probability, like.dtype).to(like.device, non_blocking=True)


def draw(operations: int, images: int, probability: float, generator: torch.Generator) -> Tensor:
    """Return the same factors before any features exist: [operations, images], on the generator's device."""
    draws = torch.rand(operations, images, generator=generator, device=generator.device)
    return kept(draws >= probability, probability, torch.get_default_dtype())


def kept(keep: Tensor, probability: float, dtype: torch.dtype) -> Tensor:
    """Return the factors of given draws; ``keep`` says which outputs stay."""
    return keep.to(dtype) / (1 - probability)
