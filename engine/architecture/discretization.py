"""From architecture parameters to a genotype: one function for each rule."""

from __future__ import annotations

from engine.architecture.parameters import ArchitectureParameters
from engine.spaces.space import Candidates, SearchSpace
from runs.genotypes import derive
from runs.genotypes.genotype import Genotype


def largest_alpha(space: SearchSpace, architecture: ArchitectureParameters, candidates: Candidates) -> Genotype:
    """Return the genotype of alpha itself. Within an edge it ranks as the softmax does; only NASP ranks edges by it."""
    return space.derive({kind: alpha.tolist() for kind, alpha, _ in architecture.matrices()}, candidates)


def largest_probability(space: SearchSpace, architecture: ArchitectureParameters, candidates: Candidates) -> Genotype:
    """Return the genotype of softmax(alpha) over the candidates (DARTS)."""
    return space.derive(_probabilities(architecture, candidates), candidates)


def edge_weighted(space: SearchSpace, architecture: ArchitectureParameters, candidates: Candidates) -> Genotype:
    """Return the genotype of softmax(alpha) times the weight of the edge (PC-DARTS)."""
    scores = {
        kind: derive.scaled(rows, architecture.edge_weights(kind).tolist())
        for kind, rows in _probabilities(architecture, candidates).items()
    }
    return space.derive(scores, candidates)


def with_none(
    space: SearchSpace, architecture: ArchitectureParameters, candidates: Candidates, *, edges: str
) -> Genotype:
    """Return the genotype of softmax(alpha) with ``none`` ranked like the others (SNAS).

    Args:
        space: of the cells.
        architecture: the parameters.
        candidates: the operations that are alive.
        edges: ``all``, or the ``two`` strongest into each node; no effect in a space that always keeps all edges.
    """
    return space.derive_with_none(_probabilities(architecture, candidates), candidates, every_edge=edges == "all")


def _probabilities(architecture: ArchitectureParameters, candidates: Candidates) -> dict[str, list[list[float]]]:
    return {kind: derive.softmax(alpha.tolist(), candidates[kind]) for kind, alpha, _ in architecture.matrices()}
