"""The straight-through Gumbel relaxation of GDAS: one sampled operation runs on each edge, with soft gradients."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.relaxations.relaxation import probabilities
from engine.architecture.relaxations.sampled import SampledRelaxation, gumbel, one_hot, paths
from engine.spaces.space import MixingWeights


def hard(alpha: Tensor, alive: Tensor, noise: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Return h = onehot(argmax p) - sg(p) + p, p = softmax((log softmax(alpha) + g) / tau) (GDAS, equations 3 to 6).

    Args:
        alpha, alive: [..., edges, operations].
        noise: g, of the same shape.
        temperature: tau.

    Returns:
        h, exactly one-hot in value, and the indices [..., edges].
    """
    # The log-softmax differs from alpha by a constant for each row, which the outer softmax cancels.
    soft = probabilities((alpha + noise) / temperature, alive)
    # Taken from the logits: p rounds to ties at low temperatures.
    index = (alpha + noise).detach().masked_fill(~alive, -torch.inf).argmax(-1)
    return one_hot(index, soft) + (soft - soft.detach()), index


class StraightThrough(SampledRelaxation):
    """Runs only the sampled operation of each edge.

    Only its own weight gets a gradient. The public code for NAS-Bench-201 adds the other weights, which are zero, to
    the feature map and so gives them a gradient too; its later variant does not, and neither does this one.
    """

    def sample(self, architecture: ArchitectureParameters) -> MixingWeights:
        """Return one draw for each kind of cell, after a single read of the drawn operations from the device."""
        alpha, alive = architecture.stacked()
        return paths(architecture, *hard(alpha, alive, gumbel(alpha), self.temperature))
