"""Regularised evolution: the best of a sample has a child, the oldest of the population dies (baselines.md, 7.12)."""

from __future__ import annotations

from collections import Counter, deque
from functools import partial
from typing import Any

from engine.black_box.encoding import Cell, Codec
from engine.black_box.one_shot import SharedSearch, search
from engine.black_box.rng import Dice
from engine.black_box.search import QuerySearch
from engine.method import Context
from runs.catalogue.methods.evolution import EvolutionSettings


def build(context: Context) -> QuerySearch | SharedSearch:
    """Return the search that the settings describe."""
    settings = context.settings
    assert isinstance(settings, EvolutionSettings)
    strategy = partial(Evolution, population_size=settings.population_size, sample_size=settings.sample_size)
    return search(context, strategy)


class Evolution:
    """Real et al.'s algorithm: see :class:`engine.black_box.optimizer.Strategy`.

    Args:
        codec: of the space.
        dice: what is drawn from.
        population_size: P, how many live at a time.
        sample_size: S, how many are drawn, with replacement, for their best to be the parent.

    Attributes:
        population: cells and their accuracies, the oldest first.
    """

    def __init__(self, codec: Codec, dice: Dice, *, population_size: int, sample_size: int) -> None:
        self._codec, self._dice = codec, dice
        self._size, self._sample = population_size, sample_size
        self.population: deque[tuple[Cell, float]] = deque()

    def propose(self) -> Cell:
        """Draw one of the first population, or change the best of a sample in one choice."""
        if len(self.population) < self._size:
            return self._codec.random(self._dice)
        sample = [self.population[self._dice.below(self._size)] for _ in range(self._sample)]
        parent, _ = max(sample, key=lambda member: member[1])
        return self._codec.mutate(parent, self._dice)

    def learn(self, cell: Cell, accuracy: float) -> None:
        """Let the cell live, and the oldest die: not the worst, so that no lucky one stays for ever."""
        self.population.append((cell, accuracy))
        if len(self.population) > self._size:
            self.population.popleft()

    def shares(self) -> list[list[float]]:
        """Return the share of each alternative in the population."""
        shares = []
        for place, count in enumerate(self._codec.choices):
            counts = Counter(cell[place] for cell, _ in self.population)
            shares.append([counts[other] / len(self.population) for other in range(count)])
        return shares

    def extras(self) -> dict[str, Any]:
        """Return who lives, the oldest first."""
        return {"population": [(list(cell), accuracy) for cell, accuracy in self.population]}

    def state(self) -> dict[str, Any]:
        """Return the population."""
        return self.extras()

    def load(self, state: dict[str, Any]) -> None:
        """Take a population back."""
        self.population = deque((tuple(cell), accuracy) for cell, accuracy in state["population"])
