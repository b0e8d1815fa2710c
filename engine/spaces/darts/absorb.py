"""Folds the multipliers of operations into their last batch norm: from a search network to a plain one.

See docs/methods/ista.md, "Absorbing multipliers into batch norm".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import nn

from engine.spaces.darts.mixing import MixedEdge
from engine.spaces.darts.network import CellNetwork, DiscreteCell
from engine.spaces.darts.supernet import DartsSupernet, MixedCell
from engine.spaces.layers import Rectified
from runs.catalogue import Space
from runs.catalogue.spaces.darts import DartsNetworkSettings
from runs.genotypes.genotype import Genotype

# (kind of cell, source, target, operation)
Operation = tuple[str, int, int, str]


def plain_network(
    supernet: DartsSupernet,
    space: Space,
    genotype: Genotype,
    multipliers: Mapping[Operation, float],
    settings: DartsNetworkSettings,
) -> CellNetwork:
    """Return the genotype's network, which computes what the supernet does with only these operations.

    Args:
        supernet: made with ``norms="all"``, of the size in ``settings``.
        space: names the supernet's columns and edges.
        genotype: its operations are in the supernet.
        multipliers: of the genotype's operations.
        settings: of the network.
    """
    network = CellNetwork(
        genotype,
        channels=settings.channels,
        layers=settings.layers,
        classes=supernet.classifier.out_features,
        stem=settings.stem,
        norms="all",
        auxiliary=supernet.auxiliary is not None,
    )
    network.to(supernet.classifier.weight.device)
    for name in ("stem", "classifier", "auxiliary"):
        if (part := getattr(supernet, name)) is not None:
            getattr(network, name).load_state_dict(part.state_dict())
    for mixed, cell in zip(supernet.cells, network.cells, strict=True):
        assert isinstance(mixed, MixedCell)
        assert isinstance(cell, DiscreteCell)
        cell.older.load_state_dict(mixed.older.state_dict())
        cell.newer.load_state_dict(mixed.newer.state_dict())
        for edge, built in zip(cell.placed, cell.edges, strict=True):
            candidates = mixed.edges[space.edges.index((edge.source, edge.target))]
            assert isinstance(candidates, MixedEdge)
            weights = candidates.operations[str(space.operations.index(edge.operation))].state_dict()
            behind = built.body if isinstance(built, Rectified) else cast(nn.Sequential, built)[1:]
            behind.load_state_dict(weights)
            absorb(built, multipliers[mixed.kind, edge.source, edge.target, edge.operation])
    return network


def absorb(operation: nn.Module, alpha: float) -> None:
    """Change an operation in place so that its output is multiplied by ``alpha``.

        alpha (w u + b) = (alpha w) u + (alpha b),   u the normalised features

    This holds in training and in evaluation, for an alpha of either sign. Momentum and other optimiser state of w and b
    is not scaled.

    Args:
        operation: ends in a batch norm with scale and shift, as all operations built with ``norms="all"`` do.
        alpha: the constant factor.

    Raises:
        ValueError: the operation does not end in such a batch norm.
    """
    norms = [module for module in operation.modules() if isinstance(module, nn.BatchNorm2d)]
    if not norms or not norms[-1].affine:
        raise ValueError(f"{type(operation).__name__} has no batch norm with scale and shift to take a factor")
    with torch.no_grad():
        norms[-1].weight.mul_(alpha)
        norms[-1].bias.mul_(alpha)
