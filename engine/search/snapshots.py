"""Snapshots of the architecture for viewers, and indicators of how certain its choices are."""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch

from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.relaxations.relaxation import Relaxation
from engine.spaces.space import Candidates, CellWeights, MixingWeights, SearchSpace
from runs.genotypes.genotype import Genotype
from runs.log.events import CellSnapshot
from runs.log.indicators import ENTROPY, MARGIN, entropy, margin

SAMPLES = 100


@torch.no_grad()
def take(
    space: SearchSpace, architecture: ArchitectureParameters, relaxation: Relaxation, genotype: Genotype
) -> tuple[dict[str, CellSnapshot], dict[str, Any]]:
    """Return the snapshot of each kind of cell, and the indicators of the whole architecture.

    The indicators, each by kind of cell, are: ``entropy`` and ``margin`` of every edge (:mod:`runs.log.indicators`),
    those of the relaxation, the count of each of the genotype's ``operations``, and ``distinct_samples``, the number of
    different architectures among 100 draws.
    """
    chosen, distinct = space.chosen(genotype), distinct_samples(architecture, relaxation)
    cells: dict[str, CellSnapshot] = {}
    extras: dict[str, dict[str, Any]] = {}
    for kind, cell_weights in relaxation.mean(architecture).items():
        known, weights = relaxation.snapshot(architecture, kind), cell_weights.weights.tolist()
        cells[kind] = CellSnapshot(
            edges=list(space.entry.edges),
            operations=list(space.entry.operations),
            weights=weights,
            alive=architecture.alive(kind).tolist(),
            chosen=chosen[kind],
            extras=known.operations,
        )
        indicators: dict[str, Any] = {
            ENTROPY: [entropy(row) for row in weights],
            MARGIN: [margin(row) for row in weights],
            **known.edges,
            **known.figures,
            "operations": dict(Counter(space.entry.operations[op] for op in chosen[kind] if op >= 0)),
            "distinct_samples": distinct[kind],
        }
        for name, value in indicators.items():
            extras.setdefault(name, {})[kind] = value
    return cells, extras


def derived(
    space: SearchSpace, genotype: Genotype, mixing: MixingWeights, candidates: Candidates
) -> MixingWeights | None:
    """Return mixing weights that run only the genotype's operations in the supernet, each with weight 1.

    Args:
        space: the space of the genotype.
        genotype: the genotype that the search would return now.
        mixing: mixing weights of the search, for their shape and device.
        candidates: the operations of the supernet.

    Returns:
        None if the supernet lacks one of the genotype's operations.
    """
    found = {}
    for kind, chosen in space.chosen(genotype).items():
        active = tuple((op,) if op in kept else () for op, kept in zip(chosen, candidates[kind], strict=True))
        if sum(map(len, active)) < len(genotype.cells[kind].edges):
            return None
        weights = torch.zeros_like(mixing[kind].weights, device="cpu")
        for edge, ops in enumerate(active):
            weights[edge, list(ops)] = 1.0
        found[kind] = CellWeights(weights.to(mixing[kind].weights.device), active)
    return found


def draws(architecture: ArchitectureParameters, relaxation: Relaxation) -> list[MixingWeights]:
    """Return 100 draws, equal for equal architecture parameters, without changing the state of any generator."""
    device = next(architecture.parameters()).device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []), torch.no_grad():
        torch.manual_seed(0)
        return [relaxation.sample(architecture) for _ in range(SAMPLES)]


def distinct_samples(architecture: ArchitectureParameters, relaxation: Relaxation) -> dict[str, int]:
    """Return the number of different argmax architectures among 100 draws."""
    drawn = draws(architecture, relaxation)
    found = {}
    for kind in drawn[0]:
        winners = torch.stack([draw[kind].weights.argmax(-1) for draw in drawn])
        found[kind] = len(winners.unique(dim=0))
    return found
