"""What is worth watching in a search: snapshots of the architecture, and how sure it is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import torch

from engine.relaxations.relaxation import Relaxation
from engine.search.architecture import Architecture
from engine.spaces.space import SearchSpace
from runs.events import CellSnapshot
from runs.genotypes.genotype import Genotype

SAMPLES = 100


@torch.no_grad()
def snapshots(
    space: SearchSpace, architecture: Architecture, relaxation: Relaxation, genotype: Genotype
) -> dict[str, CellSnapshot]:
    """Return each kind of cell as the viewers draw it: mean weights, what is alive, what the genotype takes."""
    chosen = space.chosen(genotype)
    found = {}
    for kind, alpha in architecture.alphas.items():
        alive = architecture.alive(kind)
        found[kind] = CellSnapshot(
            edges=[f"{target}←{source}" for source, target in space.entry.edges],
            operations=list(space.entry.operations),
            weights=relaxation.mean(alpha, alive).tolist(),
            alive=alive.tolist(),
            chosen=chosen[kind],
            extras=relaxation.describe(alpha, alive),
        )
    return found


def extras(architecture: Architecture, relaxation: Relaxation, shown: Mapping[str, CellSnapshot]) -> dict[str, Any]:
    """Return the indicators of the whole architecture.

    Per kind of cell: ``entropy`` in nats and ``margin`` to the second operation of every edge's weights, what the
    relaxation tells of its edges, ``operations`` as counts of the genotype, and ``distinct_samples``, the number of
    different architectures among 100 draws.
    """
    found: dict[str, Any] = {
        "entropy": {kind: [entropy(row) for row in cell.weights] for kind, cell in shown.items()},
        "margin": {kind: [margin(row) for row in cell.weights] for kind, cell in shown.items()},
        "operations": {
            kind: dict(Counter(cell.operations[op] for op in cell.chosen if op >= 0)) for kind, cell in shown.items()
        },
        "distinct_samples": {kind: distinct_samples(architecture, relaxation, kind) for kind in shown},
    }
    for kind, alpha in architecture.alphas.items():
        for name, values in relaxation.describe_edges(alpha.detach(), architecture.alive(kind)).items():
            found.setdefault(name, {})[kind] = values
    return found


def entropy(weights: list[float]) -> float:
    """Return the Shannon entropy in nats."""
    return -sum(weight * math.log(weight) for weight in weights if weight > 0)


def margin(weights: list[float]) -> float:
    """Return the distance between the two largest weights."""
    first, second = sorted(weights, reverse=True)[:2]
    return first - second


@torch.no_grad()
def distinct_samples(architecture: Architecture, relaxation: Relaxation, kind: str) -> int:
    """Return how many different argmax architectures 100 draws give, without touching the search's own randomness."""
    alpha, alive = architecture.alphas[kind].detach().cpu(), architecture.alive(kind).cpu()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        draws = relaxation.sample(alpha.expand(SAMPLES, -1, -1), alive)
    return len({tuple(choice) for choice in draws.argmax(-1).tolist()})
