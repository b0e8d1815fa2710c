"""The NAS-Bench-201 supernet as public code computes it: every operation of every edge times its weight."""

from __future__ import annotations

import copy
import functools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.spaces.nasbench201.supernet import MixedCell, NasBench201Supernet
from engine.spaces.space import CellWeights, MixingWeights
from runs.catalogue.spaces.nasbench201 import SPACE


class PlainSupernet(nn.Module):
    """Computes the same function as a supernet with the same weights, without its shortcuts.

    See docs/methods/drnas.md, "NAS-Bench-201 space" and "Partial channels".

    Args:
        supernet: its modules are copied under the same names.
    """

    def __init__(self, supernet: NasBench201Supernet) -> None:
        super().__init__()
        twin = copy.deepcopy(supernet)
        self.candidates = twin.candidates["cell"]
        self.partial = twin.partial
        self.stem, self.blocks, self.head = twin.stem, twin.blocks, twin.head

    def forward(self, images: Tensor, mixing: MixingWeights) -> Tensor:
        """Return class scores [B, classes]."""
        features = self.stem(images)
        for block in self.blocks:
            features = self._cell(block, features, mixing["cell"]) if isinstance(block, MixedCell) else block(features)
        scores: Tensor = self.head(features)
        return scores

    def _cell(self, cell: MixedCell, features: Tensor, cell_weights: CellWeights) -> Tensor:
        nodes = [features]
        active = self.candidates if cell_weights.active is None else cell_weights.active
        for target in range(1, SPACE.edges[-1][1] + 1):
            incoming = []
            for edge, (source, node) in enumerate(SPACE.edges):
                if node == target:
                    value = mixed_edge(
                        cell.edges[edge], nodes[source], cell_weights.weights[edge], active[edge], self.partial
                    )
                    incoming.append(value if cell_weights.edge_scale is None else value * cell_weights.edge_scale[edge])
            nodes.append(functools.reduce(torch.add, incoming))
        return nodes[-1]


def mixed_edge(edge: nn.Module, features: Tensor, weights: Tensor, active: Sequence[int], partial: int = 1) -> Tensor:
    """Return the weighted sum of an edge's operations, with the channels that bypass them, shuffled: [B, C, H, W].

    Args:
        edge: the operations with weights, by column.
        features: output of the source node, [B, C, H, W].
        weights: [operations].
        active: the columns that run.
        partial: k.
    """
    width = features.shape[1] // partial
    seen, bypass = features[:, :width], features[:, width:]
    total = torch.zeros_like(seen)
    for op in active:
        total = total + weights[op] * _operation(edge, op, seen)
    return functional.channel_shuffle(torch.cat([total, bypass], dim=1), partial) if partial > 1 else total


def _operation(edge: nn.Module, op: int, seen: Tensor) -> Tensor:
    match SPACE.operations[op]:
        case "none":
            return seen * 0
        case "skip_connect":
            return seen
        case "avg_pool_3x3":
            return functional.avg_pool2d(seen, 3, 1, 1, count_include_pad=False)
        case _:
            assert isinstance(edge, nn.ModuleDict)
            value: Tensor = edge[str(op)](seen)
            return value
