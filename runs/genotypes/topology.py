"""The nodes, edges and operations of a space's cells, and the genotypes with one operation on each edge."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runs.errors import UsageError, closest
from runs.genotypes.genotype import NONE, Cell, Edge, Genotype, edge_label


@dataclass(frozen=True)
class Topology:
    """The cells of a space.

    Attributes:
        space: the name of the space, which its genotypes carry.
        cells: the kinds of cell, such as ``("cell",)`` or ``("normal", "reduce")``.
        edges: (source, target) node pairs, in the order of the rows of every architecture matrix.
        operations: the candidate operations, in the order of the columns. An edge with ``none`` carries nothing.
        outputs: the nodes whose values are concatenated; a single one is passed on.
    """

    space: str
    cells: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    operations: tuple[str, ...]
    outputs: tuple[int, ...]

    @property
    def inputs(self) -> int:
        """The number of input nodes: those that no edge enters."""
        return min(target for _, target in self.edges)

    @property
    def size(self) -> int:
        """The number of genotypes with one operation on each edge."""
        return math.prod((len(self.operations),) * (len(self.edges) * len(self.cells)))

    def genotype(self, columns: Mapping[str, Sequence[int]]) -> Genotype:
        """Return the genotype with these operations.

        Args:
            columns: for each kind of cell, one column per edge.
        """
        return Genotype(self.space, {kind: self._cell(columns[kind]) for kind in self.cells})

    def columns(self, genotype: Genotype) -> dict[str, list[int]]:
        """Return, for each kind of cell, the column of each edge; -1 for a missing edge of a space without ``none``.

        In a space with ``none``, a missing edge counts as ``none``.

        Raises:
            UsageError: the genotype does not belong to the space; the message names the cell, edge or operation.
        """
        if genotype.space != self.space:
            raise UsageError(f"The genotype belongs to the space '{genotype.space[:80]}', not to '{self.space}'.")
        if set(genotype.cells) != set(self.cells):
            given, known = (", ".join(f"'{kind}'" for kind in kinds)[:80] for kinds in (genotype.cells, self.cells))
            noun = "cell" if len(self.cells) == 1 else "cells"
            raise UsageError(f"A genotype of '{self.space}' has the {noun} {known}, not {given}.")
        return {kind: self._columns(kind, genotype.cells[kind]) for kind in self.cells}

    def check(self, genotype: Genotype) -> None:
        """Check that a genotype belongs to the space.

        Raises:
            UsageError: it does not; the message names the cell, edge or operation.
        """
        self.columns(genotype)

    def number(self, genotype: Genotype) -> int:
        """Return the number of a genotype: its columns as digits, those of the first edge most significant.

        Raises:
            UsageError: the genotype does not belong to the space.
        """
        number = 0
        for column in itertools.chain(*self.columns(genotype).values()):
            number = number * len(self.operations) + column
        return number

    def numbered(self, number: int) -> Genotype:
        """Return the genotype with a number from 0 to :attr:`size` - 1."""
        digits = []
        for _ in range(len(self.edges) * len(self.cells)):
            number, digit = divmod(number, len(self.operations))
            digits.append(digit)
        digits.reverse()
        length = len(self.edges)
        return self.genotype(
            {kind: digits[index * length : (index + 1) * length] for index, kind in enumerate(self.cells)}
        )

    def _cell(self, columns: Sequence[int]) -> Cell:
        edges = tuple(
            Edge(source, target, self.operations[column])
            for (source, target), column in zip(self.edges, columns, strict=True)
        )
        return Cell(self.inputs, edges, self.outputs)

    def _columns(self, kind: str, cell: Cell) -> list[int]:
        if sorted(cell.outputs) != sorted(self.outputs):
            given, known = (", ".join(map(str, sorted(nodes))) for nodes in (cell.outputs, self.outputs))
            raise UsageError(f"Cell '{kind}' outputs the nodes {given[:80]}; in '{self.space}' these are {known}.")
        found: dict[tuple[int, int], int] = {}
        for edge in cell.edges:
            ends, where = (edge.source, edge.target), f"{edge_label(edge.source, edge.target)} of cell '{kind}'"
            if ends not in self.edges:
                raise UsageError(f"Edge {where} is unknown in the space '{self.space}'.")
            if ends in found:
                raise UsageError(f"Edge {where} is listed twice.")
            if edge.operation not in self.operations:
                raise UsageError(
                    f"Unknown operation '{edge.operation[:80]}' on edge {where}.",
                    closest(edge.operation, self.operations),
                )
            found[ends] = self.operations.index(edge.operation)
        left_out = self.operations.index(NONE) if NONE in self.operations else -1
        return [found.get(ends, left_out) for ends in self.edges]
