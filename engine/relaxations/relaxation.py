"""The contract of a relaxation."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Relaxation(Protocol):
    """Turns alpha [edges, operations] of one kind of cell into mixing weights of the same shape.

    ``alive`` is a boolean matrix of that shape; entries that are not alive get weight 0 and gradient 0.
    """

    def sample(self, alpha: Tensor, alive: Tensor) -> Tensor:
        """Return the weights of one forward pass of the search, differentiable in alpha."""

    def mean(self, alpha: Tensor, alive: Tensor) -> Tensor:
        """Return the weights to show and to evaluate with; no randomness."""

    def describe(self, alpha: Tensor, alive: Tensor) -> dict[str, list[list[float]]]:
        """Return edges x operations matrices worth watching, by name."""

    def describe_edges(self, alpha: Tensor, alive: Tensor) -> dict[str, list[float]]:
        """Return one number an edge worth watching, by name."""
