"""How far several genotypes of one space agree: how often each operation was chosen on each edge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from runs.genotypes.genotype import NONE, Cell, Edge, Genotype


@dataclass(frozen=True)
class Votes:
    """The votes for one edge.

    Attributes:
        source, target: the nodes that it connects.
        chosen: the number of genotypes by operation, most frequent first; ``none`` for those without the edge.
    """

    source: int
    target: int
    chosen: tuple[tuple[str, int], ...]

    @property
    def favourite(self) -> str:
        """The operation with the most votes."""
        return self.chosen[0][0]


def votes(genotypes: Sequence[Genotype]) -> dict[str, list[Votes]]:
    """Return the votes by kind of cell, in the order of the nodes; two operations on one edge are two votes."""
    found: dict[str, dict[tuple[int, int], Counter[str]]] = {}
    for genotype in genotypes:
        for kind, cell in genotype.cells.items():
            edges = found.setdefault(kind, {})
            for edge in cell.edges:
                edges.setdefault((edge.source, edge.target), Counter())[edge.operation] += 1
    return {
        kind: [
            Votes(source, target, _completed(edges[source, target], len(genotypes)))
            for source, target in sorted(edges, key=lambda pair: (pair[1], pair[0]))
        ]
        for kind, edges in found.items()
    }


def consensus(genotypes: Sequence[Genotype]) -> Genotype | None:
    """Return the cells of which each edge has its most frequent operation; None without genotypes.

    In spaces whose genotypes keep a fixed number of inputs a node, such as DARTS, each node keeps as many edges as in
    the genotypes: those that most of them have. The result need not be any of the genotypes.
    """
    if not genotypes:
        return None
    first = genotypes[0]
    cells = {}
    for kind, ranked in votes(genotypes).items():
        model = next(genotype.cells[kind] for genotype in genotypes if kind in genotype.cells)
        edges: list[Edge] = []
        for target, number in _degrees(model).items():
            candidates = [_best(vote) for vote in ranked if vote.target == target]
            candidates.sort(key=lambda found: -found[1])
            edges += sorted((edge for edge, _ in candidates[:number]), key=lambda edge: edge.source)
        cells[kind] = Cell(model.inputs, tuple(edges), model.outputs)
    return Genotype(first.space, cells)


def _completed(chosen: Counter[str], number: int) -> tuple[tuple[str, int], ...]:
    missing = number - sum(chosen.values())
    if missing > 0:
        chosen = chosen + Counter({NONE: missing})
    return tuple(sorted(chosen.items(), key=lambda pair: (-pair[1], pair[0])))


def _degrees(cell: Cell) -> dict[int, int]:
    """Return the number of edges that enter each node."""
    return dict(Counter(edge.target for edge in cell.edges))


def _best(vote: Votes) -> tuple[Edge, int]:
    """Return an edge with its most frequent operation, and how many genotypes have the edge at all."""
    present = [(name, number) for name, number in vote.chosen if name != NONE] or list(vote.chosen)
    return Edge(vote.source, vote.target, present[0][0]), sum(number for name, number in present)
