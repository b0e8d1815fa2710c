"""The straight-through Gumbel relaxation of GDAS: one drawn operation an edge runs, soft gradients flow."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.relaxations.relaxation import probabilities
from engine.architecture.relaxations.sampled import SampledRelaxation, gumbel, one_hot, paths
from engine.spaces.space import MixingWeights


def hard(alpha: Tensor, alive: Tensor, noise: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Draw h = onehot(argmax p) - sg(p) + p with p = softmax((log softmax(alpha) + g) / tau) (GDAS, equations 3 to 6).

    Args:
        alpha, alive: [..., edges, operations].
        noise: g, of the same shape.
        temperature: tau.

    Returns:
        h, exactly one-hot in value, and the indices [..., edges].
    """
    # The logarithm of the softmax differs from alpha by a constant of the row, which the outer softmax takes away.
    soft = probabilities((alpha + noise) / temperature, alive)
    # Of the logits, not of p, which rounds to ties at low temperatures.
    index = (alpha + noise).detach().masked_fill(~alive, -torch.inf).argmax(-1)
    return one_hot(index, soft) + (soft - soft.detach()), index


class StraightThrough(SampledRelaxation):
    """Runs the drawn operation of each edge alone.

    Only its own weight gets a gradient. The public code for NAS-Bench-201 adds the other weights, zeros, to the
    feature map, which gives them one too; its later variant does not, and neither does this.
    """

    def sample(self, architecture: ArchitectureParameters) -> MixingWeights:
        """Return one draw for each kind of cell; reads the drawn operations from the device once."""
        alpha, alive = architecture.stacked()
        return paths(architecture, *hard(alpha, alive, gumbel(alpha), self.temperature))
