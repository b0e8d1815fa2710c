"""What pulls the architecture parameters towards their anchor: weight decay in Adam, or a term of the loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.relaxations.dirichlet import kl_to_flat


class Regulariser(Protocol):
    """A pull on the architecture parameters."""

    @property
    def weight_decay(self) -> float:
        """Adam's coupled weight decay on the architecture parameters."""

    def penalty(self, architecture: ArchitectureParameters) -> Tensor | None:
        """Return the term of the architecture loss, or None."""


@dataclass(frozen=True)
class WeightDecay:
    """l2: the gradient of alpha gets ``scale`` * alpha, so alpha is pulled to 0 and beta to 1."""

    scale: float

    @property
    def weight_decay(self) -> float:
        """The scale itself."""
        return self.scale

    def penalty(self, architecture: ArchitectureParameters) -> None:
        """Return nothing: Adam does it."""


@dataclass(frozen=True)
class KlToFlat:
    """kl: ``scale`` * the sum over edges and kinds of cell of KL(Dir(beta) || Dir(1)), kept operations only.

    See docs/methods/drnas.md, "Regularisers" and "Pruned entries are left alone".
    """

    scale: float
    weight_decay: float = 0.0

    def penalty(self, architecture: ArchitectureParameters) -> Tensor:
        """Return the scaled sum."""
        rows = [kl_to_flat(alpha, alive).sum() for _, alpha, alive in architecture.matrices()]
        return self.scale * torch.stack(rows).sum()
