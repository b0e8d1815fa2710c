"""The categorical relaxation of DSNAS: one sampled operation runs on each edge; alpha learns by its score function."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.relaxations.relaxation import RelaxationSnapshot, probabilities
from engine.architecture.relaxations.sampled import SampledRelaxation, gumbel, one_hot, paths
from engine.spaces.space import MixingWeights


def scored(alpha: Tensor, alive: Tensor, index: Tensor) -> Tensor:
    """Return the one-hot choices, with the gradient R_e (onehot - softmax(alpha_e)) in alpha (DSNAS, equation 8).

    R_e is the gradient of the loss in the weight of the chosen operation of edge e. That product is the chain rule
    through weight = log p(chosen), so the weight is written as 1 + log p - sg(log p).

    Args:
        alpha, alive: [..., edges, operations].
        index: int64 [..., edges].
    """
    chosen = alpha.masked_fill(~alive, -torch.inf).log_softmax(-1).gather(-1, index[..., None])
    return one_hot(index, alpha) * (1 + chosen - chosen.detach())


def margin(alpha: Tensor, alive: Tensor) -> Tensor:
    """Return the difference between the two largest probabilities of each edge, [..., edges]."""
    first, second = probabilities(alpha, alive).topk(2).values.unbind(-1)
    return first - second


class Categorical(SampledRelaxation):
    """Runs an operation drawn with probability softmax(alpha) on each edge.

    Args:
        freeze_margin: an edge whose two largest probabilities differ by at least this always takes its best operation,
            and its alpha gets no gradient.
    """

    def __init__(self, freeze_margin: float) -> None:
        super().__init__()
        self._freeze_margin = freeze_margin

    def sample(self, architecture: ArchitectureParameters) -> MixingWeights:
        """Return one draw for each kind of cell, after a single read of the drawn operations from the device."""
        alpha, alive = architecture.stacked()
        frozen = self._frozen(alpha.detach(), alive)
        logits = alpha.detach().masked_fill(~alive, -torch.inf)
        index = torch.where(frozen, logits, logits + gumbel(alpha)).argmax(-1)
        weights = scored(torch.where(frozen, alpha.detach(), alpha), alive, index)
        return paths(architecture, weights, index)

    def snapshot(self, architecture: ArchitectureParameters, kind: str) -> RelaxationSnapshot:
        """Return for each edge whether it is frozen, as 1 or 0."""
        frozen = self._frozen(architecture.alphas[kind].detach(), architecture.alive(kind))
        return RelaxationSnapshot(edges={"frozen": frozen[..., 0].float().tolist()})

    def _frozen(self, alpha: Tensor, alive: Tensor) -> Tensor:
        return (margin(alpha, alive) >= self._freeze_margin)[..., None]
