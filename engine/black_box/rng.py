"""Where the chance of a search by queries comes from."""

from __future__ import annotations

import torch


class Dice:
    """Draws numbers from one generator, whose state is all that there is to remember.

    Attributes:
        generator: for draws of other kinds.
    """

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator

    def below(self, count: int) -> int:
        """Return a whole number from 0 to ``count`` - 1, each as likely."""
        return int(torch.randint(count, (), generator=self.generator))

    def order(self, count: int) -> list[int]:
        """Return the numbers from 0 to ``count`` - 1 in an order drawn evenly."""
        return torch.randperm(count, generator=self.generator).tolist()
