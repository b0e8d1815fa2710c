"""Regularisers that pull the architecture parameters towards their anchor: weight decay in Adam, or a loss term."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.relaxations.dirichlet import kl_to_flat


class Regulariser(Protocol):
    """A regulariser of the architecture parameters."""

    @property
    def weight_decay(self) -> float:
        """Adam's coupled weight decay on the architecture parameters."""

    def penalty(self, architecture: ArchitectureParameters) -> Tensor | None:
        """Return the term of the architecture loss, or None."""


@dataclass(frozen=True)
class WeightDecay:
    """l2: adds ``scale`` * alpha to the gradient of alpha, which pulls alpha to 0 and beta to 1."""

    scale: float

    @property
    def weight_decay(self) -> float:
        """The scale itself."""
        return self.scale

    def penalty(self, architecture: ArchitectureParameters) -> None:
        """Return None: Adam applies the weight decay."""


@dataclass(frozen=True)
class KlToFlat:
    """kl: ``scale`` * the sum over edges and kinds of cell of KL(Dir(beta) || Dir(1)), over kept operations only.

    See docs/methods/drnas.md, "Regularisers" and "Pruned entries are left alone".
    """

    scale: float
    weight_decay: float = 0.0

    def penalty(self, architecture: ArchitectureParameters) -> Tensor:
        """Return the scaled sum."""
        rows = [kl_to_flat(alpha, alive).sum() for _, alpha, alive in architecture.matrices()]
        return self.scale * torch.stack(rows).sum()
