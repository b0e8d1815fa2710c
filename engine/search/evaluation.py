"""How well a supernet classifies held-out images."""

from __future__ import annotations

from typing import NamedTuple

import torch

from engine.search.step import EpochContext
from engine.spaces.space import MixingWeights


class Accuracy(NamedTuple):
    """A share of images.

    Attributes:
        percent: classified correctly.
        images: how many were looked at.
    """

    percent: float
    images: int


@torch.no_grad()
def accuracy(context: EpochContext, mixing: MixingWeights, limit: int | None = None) -> Accuracy:
    """Return the supernet's accuracy on the images of the search accuracy; leaves it in evaluation mode.

    Args:
        context: between two epochs.
        mixing: the mixing weights.
        limit: batches at most; None for all.
    """
    state = context.state
    state.supernet.eval()
    right, images = torch.zeros((), dtype=torch.int64, device=next(state.architecture.buffers()).device), 0
    for batch in context.evaluation_batches(limit):
        right += (context.scores(batch.images, mixing).argmax(1) == batch.labels).sum()
        images += len(batch.labels)
    return Accuracy(100 * right.item() / images, images)
