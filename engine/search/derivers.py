"""From architecture variables to a genotype: one function a rule."""

from __future__ import annotations

from engine.search.architecture import Architecture
from engine.spaces.space import Candidates, SearchSpace
from runs.genotypes.genotype import Genotype


def largest_alpha(space: SearchSpace, architecture: Architecture, candidates: Candidates) -> Genotype:
    """Derive from alpha itself: the same order as its softmax, and as the Dirichlet's mean."""
    return space.derive({kind: alpha.tolist() for kind, alpha, _ in architecture.matrices()}, candidates)
