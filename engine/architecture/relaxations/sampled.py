"""What the relaxations that sample one operation per edge have in common."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.relaxations.relaxation import RelaxationSnapshot, dense, probabilities
from engine.core.schedules import linear
from engine.spaces.space import CellWeights, MixingWeights

# Lower limit of an exponential draw: keeps its logarithm finite, so that nothing has to be drawn again.
_FLOOR = 1e-30


def gumbel(like: Tensor) -> Tensor:
    """Return standard Gumbel noise of this shape, -log of an exponential draw, from the global generator."""
    return -torch.empty_like(like).exponential_().clamp_(min=_FLOOR).log_()


def one_hot(index: Tensor, like: Tensor) -> Tensor:
    """Return 1 at ``index`` [..., edges] and 0 elsewhere, shaped like ``like`` [..., edges, operations]."""
    # Torch's own one_hot reads the indices first unless they are on a GPU.
    return torch.zeros_like(like).scatter_(-1, index[..., None], 1.0)


def paths(architecture: ArchitectureParameters, weights: Tensor, index: Tensor) -> MixingWeights:
    """Return the mixing weights that run one operation per edge, or none.

    This is the only read from the device in a forward pass: the host has to know what to run.

    Args:
        architecture: gives the kinds of cell.
        weights: [kinds, edges, operations].
        index: int64 [kinds, edges], the operation to run; -1 runs none.
    """
    return {
        kind: CellWeights(rows, tuple((op,) if op >= 0 else () for op in chosen))
        for kind, rows, chosen in zip(architecture.kinds, weights.unbind(), index.tolist(), strict=True)
    }


class SampledRelaxation:
    """Shows the probabilities of the samples, and evaluates the path of the most probable operations.

    Such a search ends with that path, and its weights were trained on single paths: they have never seen a mixture
    weighted by the probabilities.

    Args:
        start, end: temperature of the first epoch and after the last epoch.
        reached: whether the last epoch already has the temperature ``end``, with correspondingly larger steps.
    """

    # :func:`paths` reads the paths from the device.
    capturable = False

    def __init__(self, start: float = 1.0, end: float = 1.0, *, reached: bool = False) -> None:
        self._start, self._end, self._reached = start, end, reached
        self.temperature = start

    def begin_epoch(self, epoch: int, epochs: int) -> None:
        """Set the temperature: linear in the epoch."""
        self.temperature = linear(self._start, self._end, epoch, max(1, epochs - self._reached))

    def mean(self, architecture: ArchitectureParameters) -> MixingWeights:
        """Return softmax(alpha), the probabilities of the draw."""
        return dense(architecture, probabilities(*architecture.stacked()))

    def evaluation(self, architecture: ArchitectureParameters) -> MixingWeights:
        """Return the path of the most probable operations."""
        shares = probabilities(*architecture.stacked())
        index = shares.argmax(-1)
        return paths(architecture, one_hot(index, shares), index)

    def snapshot(self, architecture: ArchitectureParameters, kind: str) -> RelaxationSnapshot:
        """Return the temperature."""
        return RelaxationSnapshot(figures={"temperature": self.temperature})
