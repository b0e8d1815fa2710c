"""Builds the networks that zero-cost proxies measure instead of an architecture's own.

See docs/methods/tenas.md, "Networks that are measured".
"""

from __future__ import annotations

from torch import nn

from engine.spaces.scoring import ScoringNetwork, everything
from engine.spaces.space import counterpart
from runs.catalogue import Space


def build(space: Space, which: str, classes: int) -> ScoringNetwork:
    """Return a network of a space in which everything except ``none`` is live, as at the start of TE-NAS.

    Args:
        space: of the cells.
        which: ``ntk`` for images [B, 3, H, W], or ``thin`` for single channels [B, 1, H, W].
        classes: of the data set.

    Raises:
        UsageError: the space has no such networks.
    """
    network = counterpart(space).scoring_network(space, which, classes)
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            # Statistics are always those of the current batch.
            part.track_running_stats, part.running_mean, part.running_var = False, None, None
        elif isinstance(part, nn.ReLU):
            # Gradients by layer read the output of a layer again.
            part.inplace = False
    network.set_live(everything(space))
    return network
