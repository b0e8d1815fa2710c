"""Cells as tuples of numbers: drawing, mutating and enumerating them, and the genotypes that they stand for."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from engine.black_box.rng import Rng
from engine.spaces.space import counterpart
from runs.catalogue import Space
from runs.genotypes.genotype import Genotype

Cell = tuple[int, ...]


@dataclass(frozen=True)
class Codec:
    """The choices that make up an architecture, each independent of the others.

    Attributes:
        choices: the number of alternatives of each choice.
    """

    choices: tuple[int, ...]

    @property
    def size(self) -> int:
        """The number of cells."""
        return math.prod(self.choices)

    def random(self, rng: Rng) -> Cell:
        """Return a uniformly drawn cell."""
        return tuple(rng.below(count) for count in self.choices)

    def mutate(self, cell: Cell, rng: Rng) -> Cell:
        """Return a cell with another alternative for one choice.

        All choices with alternatives are equally likely. (Public code that first draws a node favours the edges of
        early nodes.)
        """
        free = [choice for choice, count in enumerate(self.choices) if count > 1]
        choice = free[rng.below(len(free))]
        other = rng.below(self.choices[choice] - 1)
        return _with(cell, choice, other + (other >= cell[choice]))

    def neighbours(self, cell: Cell) -> list[Cell]:
        """Return the cells that differ in one choice, ordered by choice and then by alternative."""
        return [
            _with(cell, choice, other)
            for choice, count in enumerate(self.choices)
            for other in range(count)
            if other != cell[choice]
        ]


@dataclass(frozen=True)
class Coding:
    """The codec of a space, and the genotypes that its cells stand for.

    Attributes:
        codec: the choices.
        genotype: from a cell to the genotype.
        by_edge: whether the choices are the operations of the space's edges, in its order.
    """

    codec: Codec
    genotype: Callable[[Cell], Genotype]
    by_edge: bool


def coding(space: Space) -> Coding:
    """Return how the architectures of a space are encoded as numbers.

    Raises:
        UsageError: black-box searches of the space are not defined.
    """
    encoding = counterpart(space).encoding(space)
    return Coding(Codec(encoding.choices), encoding.decode, encoding.by_edge)


def _with(cell: Cell, choice: int, other: int) -> Cell:
    return (*cell[:choice], other, *cell[choice + 1 :])
