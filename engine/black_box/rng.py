"""The random numbers of a black-box search."""

from __future__ import annotations

import torch


class Rng:
    """Draws numbers from one generator, whose state is the only state.

    Attributes:
        generator: for other kinds of draws.
    """

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator

    def below(self, count: int) -> int:
        """Return a whole number from 0 to ``count`` - 1, drawn uniformly."""
        return int(torch.randint(count, (), generator=self.generator))

    def permutation(self, count: int) -> list[int]:
        """Return the numbers from 0 to ``count`` - 1 in a uniformly drawn order."""
        return torch.randperm(count, generator=self.generator).tolist()
