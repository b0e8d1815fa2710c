"""The interface of a relaxation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from engine.architecture.parameters import ArchitectureParameters
from engine.spaces.space import CellWeights, MixingWeights


@dataclass(frozen=True)
class RelaxationSnapshot:
    """What a relaxation shows of one kind of cell in addition to its mixing weights.

    Attributes:
        operations: edges x operations matrices, by name.
        edges: one number for each edge, by name.
        figures: numbers of the whole relaxation, by name.
    """

    operations: dict[str, list[list[float]]] = field(default_factory=dict)
    edges: dict[str, list[float]] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)


class Relaxation(Protocol):
    """Turns architecture parameters into the mixing weights of a forward pass, one set for each kind of cell.

    Operations that are not alive get weight 0 and gradient 0.

    Attributes:
        capturable: whether a CUDA graph may capture :meth:`sample`, which must then read nothing from the device and
            leave no decision to the host. See :mod:`engine.search.step`.
    """

    @property
    def capturable(self) -> bool:
        """Whether a CUDA graph may capture :meth:`sample`."""

    def begin_epoch(self, epoch: int, epochs: int) -> None:
        """Set what depends on the epoch, counted from 0, such as a temperature.

        Called before each epoch and after a resume, so it must depend only on its arguments. The values it sets become
        part of a captured step, which is invalid afterwards.
        """

    def sample(self, architecture: ArchitectureParameters) -> MixingWeights:
        """Return the mixing weights of one forward pass, differentiable in the architecture parameters."""

    def mean(self, architecture: ArchitectureParameters) -> MixingWeights:
        """Return the mixing weights to show: how each edge shares its weight among its operations. Not random."""

    def evaluation(self, architecture: ArchitectureParameters) -> MixingWeights:
        """Return the mixing weights that the search accuracy is measured with. Not random."""

    def snapshot(self, architecture: ArchitectureParameters, kind: str) -> RelaxationSnapshot:
        """Return what this relaxation shows of a kind of cell in addition to its mixing weights."""


def probabilities(alpha: Tensor, alive: Tensor) -> Tensor:
    """Return softmax(alpha) over the alive operations, [..., edges, operations]; 0 for the others."""
    return alpha.masked_fill(~alive, -torch.inf).softmax(-1)


def dense(architecture: ArchitectureParameters, weights: Tensor) -> MixingWeights:
    """Return mixing weights that run every candidate, from weights [kinds, edges, operations]."""
    return {kind: CellWeights(rows) for kind, rows in zip(architecture.kinds, weights.unbind(), strict=True)}
