"""Cells as tuples of numbers: drawing, changing and enumerating them, and what they stand for in a space."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

from engine.black_box.rng import Rng
from runs.catalogue import Space
from runs.catalogue.spaces.darts import SPACE as DARTS
from runs.catalogue.spaces.nasbench201 import SPACE as NASBENCH201
from runs.errors import UsageError
from runs.genotypes import darts, nasbench201
from runs.genotypes.genotype import Genotype

Cell = tuple[int, ...]
NONE = "none"


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
        free = [place for place, count in enumerate(self.choices) if count > 1]
        place = free[rng.below(len(free))]
        other = rng.below(self.choices[place] - 1)
        return _with(cell, place, other + (other >= cell[place]))

    def neighbours(self, cell: Cell) -> list[Cell]:
        """Return the cells that differ in one choice, by choice and then by alternative."""
        return [
            _with(cell, place, other)
            for place, count in enumerate(self.choices)
            for other in range(count)
            if other != cell[place]
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

    NAS-Bench-201: the operation of each edge. DARTS: of both cells, node by node, the pair of its inputs and then the
    operation of either; ``none`` is no operation of a discrete cell (baselines.md, 1.1: 1.1e18 pairs of cells).

    Raises:
        UsageError: nobody has said how.
    """
    if space.name == NASBENCH201.name:
        return Coding(Codec((len(space.operations),) * len(space.edges)), nasbench201.genotype, True)
    if space.name == DARTS.name:
        count = len(space.operations) - (NONE in space.operations)
        node_choices = [(math.comb(node, 2), count, count) for node in darts.CONCAT]
        return Coding(Codec(tuple(itertools.chain(*node_choices)) * len(space.cells)), _of_darts, False)
    raise UsageError(f"Searches by queries do not know the space '{space.name}'.")


def _of_darts(cell: Cell) -> Genotype:
    operations = [name for name in DARTS.operations if name != NONE]
    genes = iter(cell)
    listed = []
    for _ in DARTS.cells:
        pairs: list[darts.Pair] = []
        for node in darts.CONCAT:
            sources = list(itertools.combinations(range(node), 2))[next(genes)]
            pairs += [(operations[next(genes)], source) for source in sources]
        listed.append(pairs)
    normal, reduce = listed
    return darts.genotype(normal, reduce)


def _with(cell: Cell, place: int, other: int) -> Cell:
    return (*cell[:place], other, *cell[place + 1 :])
