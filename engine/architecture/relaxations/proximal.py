"""The proximal relaxation of NASP: a discrete cell runs, and its gradient moves the alphas within a box."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.relaxations.relaxation import RelaxationSnapshot, dense
from engine.architecture.relaxations.sampled import one_hot, paths
from engine.spaces.space import MixingWeights

# The number of edges into a node that its cell keeps.
KEPT = 2


def binarised(alpha: Tensor, alive: Tensor, siblings: Tensor) -> tuple[Tensor, Tensor]:
    """Project onto C1: one operation per edge, two edges per node (NASP, AAAI 2020, algorithm 2).

    Each edge takes its largest alpha; of the edges into a node, the two with the largest such value are kept. The lower
    index wins a tie.

    Args:
        alpha, alive: [..., edges, operations].
        siblings: [edges, edges], which edges lead into the same node.

    Returns:
        0 and 1 [..., edges, operations], and the operation of each edge, [..., edges], -1 where it takes none.
    """
    strength, index = alpha.detach().masked_fill(~alive, -torch.inf).max(-1)
    # Edge e is beaten by a stronger sibling f, and by an equal one with a lower index.
    own, other = strength[..., :, None], strength[..., None, :]
    earlier = torch.ones_like(siblings).tril(-1)
    beaten = siblings & ((other > own) | ((other == own) & earlier))
    stays = beaten.sum(-1) < KEPT
    return one_hot(index, alpha) * stays[..., None], torch.where(stays, index, -1)


def into_box(architecture: ArchitectureParameters) -> None:
    """Project every alpha onto C2, the box [0, 1]."""
    with torch.no_grad():
        for alpha in architecture.alphas.values():
            alpha.clamp_(0, 1)


class Proximal:
    """Mixes by the binarised alphas. See :class:`engine.architecture.relaxations.relaxation.Relaxation`.

    If gradients are enabled, every candidate runs, since alpha moves along the gradients of all of them at the binary
    point; otherwise only the chosen operations run.
    """

    capturable = False

    def begin_epoch(self, epoch: int, epochs: int) -> None:
        """Do nothing: the weights do not depend on the epoch."""

    def sample(self, architecture: ArchitectureParameters) -> MixingWeights:
        """Return the binary point; without gradients, after a single read of the chosen operations from the device."""
        alpha, alive = architecture.stacked()
        binary, index = binarised(alpha, alive, architecture.siblings)
        if not torch.is_grad_enabled():
            return paths(architecture, binary, index)
        return dense(architecture, binary + (alpha - alpha.detach()) * alive)

    def mean(self, architecture: ArchitectureParameters) -> MixingWeights:
        """Return each alpha's share of its edge."""
        alpha, alive = architecture.stacked()
        values = alpha * alive
        # An edge whose alphas are all 0 has equal shares.
        total = values.sum(-1, keepdim=True)
        even = alive / alive.sum(-1, keepdim=True)
        return dense(architecture, torch.where(total > 0, values / total.clamp(min=1e-12), even))

    def evaluation(self, architecture: ArchitectureParameters) -> MixingWeights:
        """Return the binary point, which is the cell that the search would end with now."""
        with torch.no_grad():
            return self.sample(architecture)

    def snapshot(self, architecture: ArchitectureParameters, kind: str) -> RelaxationSnapshot:
        """Return alpha itself, within its box."""
        return RelaxationSnapshot({"alpha": (architecture.alphas[kind].detach() * architecture.alive(kind)).tolist()})
