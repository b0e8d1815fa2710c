"""Regularised evolution: the best of a sample is mutated, the oldest of the population removed.

See docs/methods/baselines.md, "Regularised evolution".
"""

from __future__ import annotations

from collections import Counter, deque
from functools import partial
from typing import Any

from engine.black_box.encoding import Cell, Codec
from engine.black_box.one_shot import OneShotSearch, make_search
from engine.black_box.optimizer import Optimizer
from engine.black_box.rng import Rng
from engine.black_box.search import BlackBoxSearch
from engine.method import Context
from runs.catalogue.methods.evolution import EvolutionSettings


def build(context: Context[EvolutionSettings]) -> BlackBoxSearch | OneShotSearch:
    """Return the search that the settings describe."""
    settings = context.settings
    optimizer = partial(Evolution, population_size=settings.population_size, sample_size=settings.sample_size)
    return make_search(context, optimizer)


class Evolution(Optimizer):
    """Regularised evolution of Real et al. (2019).

    Args:
        codec: of the space.
        rng: draws cells, samples and mutations.
        population_size: P, cells in the population.
        sample_size: S, cells drawn from it with replacement; the best of them is the parent.

    Attributes:
        population: cells and their accuracies, the oldest first.
    """

    def __init__(self, codec: Codec, rng: Rng, *, population_size: int, sample_size: int) -> None:
        self._codec, self._rng = codec, rng
        self._size, self._sample = population_size, sample_size
        self.population: deque[tuple[Cell, float]] = deque()

    def ask(self) -> Cell:
        """Draw a cell of the initial population, or mutate one choice of the best cell of a sample."""
        if len(self.population) < self._size:
            return self._codec.random(self._rng)
        sample = [self.population[self._rng.below(self._size)] for _ in range(self._sample)]
        parent, _ = max(sample, key=lambda member: member[1])
        return self._codec.mutate(parent, self._rng)

    def tell(self, cell: Cell, accuracy: float) -> None:
        """Add the cell and remove the oldest one, not the worst, so that no lucky cell stays for ever."""
        self.population.append((cell, accuracy))
        if len(self.population) > self._size:
            self.population.popleft()

    def distribution(self) -> list[list[float]]:
        """Return the share of each alternative in the population."""
        rows = []
        for choice, alternatives in enumerate(self._codec.choices):
            counts = Counter(cell[choice] for cell, _ in self.population)
            rows.append([counts[alternative] / len(self.population) for alternative in range(alternatives)])
        return rows

    def extras(self) -> dict[str, Any]:
        """Return the population, the oldest first."""
        return {"population": [(list(cell), accuracy) for cell, accuracy in self.population]}

    def state(self) -> dict[str, Any]:
        """Return the population."""
        return self.extras()

    def load(self, state: dict[str, Any]) -> None:
        """Continue with a saved population."""
        self.population = deque((tuple(cell), accuracy) for cell, accuracy in state["population"])
