"""Genotypes as independent choices, for black-box searches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from runs.genotypes.genotype import Genotype
from runs.genotypes.topology import Topology


@dataclass(frozen=True)
class Encoding:
    """How the genotypes of a space are written as tuples of numbers.

    Attributes:
        choices: the number of alternatives of each choice. Every combination is a genotype.
        decode: returns the genotype of one alternative for each choice.
        by_edge: whether the choices are the operations of the edges of one kind of cell, in the order of the space.
    """

    choices: tuple[int, ...]
    decode: Callable[[Sequence[int]], Genotype]
    by_edge: bool


def by_edge(topology: Topology) -> Encoding:
    """Return the encoding of a space whose genotypes have one operation on each edge."""
    length = len(topology.edges)

    def decode(code: Sequence[int]) -> Genotype:
        return topology.genotype(
            {kind: code[index * length : (index + 1) * length] for index, kind in enumerate(topology.cells)}
        )

    choices = (len(topology.operations),) * (length * len(topology.cells))
    return Encoding(choices, decode, by_edge=len(topology.cells) == 1)
