"""Cells as tuples of numbers: drawing, changing and enumerating them, and what they stand for in a space."""

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
    """The choices that make an architecture, each free of the others.

    Attributes:
        choices: how many alternatives each has.
    """

    choices: tuple[int, ...]

    @property
    def size(self) -> int:
        """The number of cells."""
        return math.prod(self.choices)

    def random(self, rng: Rng) -> Cell:
        """Return a cell, every one as likely."""
        return tuple(rng.below(count) for count in self.choices)

    def mutate(self, cell: Cell, rng: Rng) -> Cell:
        """Return a cell with another alternative of one choice.

        Every choice that is one is as likely. (Public code that first draws a node favours the edges of early nodes.)
        """
        free = [choice for choice, count in enumerate(self.choices) if count > 1]
        choice = free[rng.below(len(free))]
        other = rng.below(self.choices[choice] - 1)
        return _with(cell, choice, other + (other >= cell[choice]))

    def neighbours(self, cell: Cell) -> list[Cell]:
        """Return the cells that differ in one choice, by choice and then by alternative."""
        return [
            _with(cell, choice, other)
            for choice, count in enumerate(self.choices)
            for other in range(count)
            if other != cell[choice]
        ]


@dataclass(frozen=True)
class Coding:
    """The codec of a space, and what its cells stand for.

    Attributes:
        codec: the choices.
        genotype: from a cell to the genotype.
        by_edge: whether the choices are the operations of the space's edges, in its order.
    """

    codec: Codec
    genotype: Callable[[Cell], Genotype]
    by_edge: bool


def coding(space: Space) -> Coding:
    """Return how the architectures of a space are numbered.

    Raises:
        UsageError: black-box searches of the space are not defined.
    """
    encoding = counterpart(space).encoding(space)
    return Coding(Codec(encoding.choices), encoding.decode, encoding.by_edge)


def _with(cell: Cell, choice: int, other: int) -> Cell:
    return (*cell[:choice], other, *cell[choice + 1 :])
