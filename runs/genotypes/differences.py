"""Edge-by-edge differences between genotypes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runs.genotypes.genotype import Cell, Genotype


@dataclass(frozen=True)
class Difference:
    """An edge that differs between genotypes.

    Attributes:
        kind: of the cell.
        source, target: the nodes that it connects.
        operations: of each genotype, None if it lacks the edge; two on one edge are joined by ``+``.
    """

    kind: str
    source: int
    target: int
    operations: tuple[str | None, ...]


def differences(genotypes: Sequence[Genotype | None]) -> list[Difference]:
    """Return the edges in which genotypes of one space differ, cell by cell and node by node.

    None stands for a genotype that does not exist yet; it counts as equal to all others.
    """
    present = [genotype for genotype in genotypes if genotype is not None]
    found = []
    for kind in dict.fromkeys(kind for genotype in present for kind in genotype.cells):
        cells = [_operations(genotype.cells.get(kind)) if genotype else None for genotype in genotypes]
        ends = {pair for cell in cells if cell is not None for pair in cell}
        for source, target in sorted(ends, key=lambda pair: (pair[1], pair[0])):
            if len({cell.get((source, target)) for cell in cells if cell is not None}) > 1:
                operations = tuple(cell.get((source, target)) if cell is not None else None for cell in cells)
                found.append(Difference(kind, source, target, operations))
    return found


def _operations(cell: Cell | None) -> Mapping[tuple[int, int], str]:
    read: dict[tuple[int, int], list[str]] = {}
    for edge in cell.edges if cell else ():
        read.setdefault((edge.source, edge.target), []).append(edge.operation)
    return {pair: " + ".join(sorted(names)) for pair, names in read.items()}
