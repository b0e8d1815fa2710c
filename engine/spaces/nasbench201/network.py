"""The discrete NAS-Bench-201 network: one operation on each edge, and affine batch norms."""

from __future__ import annotations

import functools
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from engine.spaces.layers import Head
from engine.spaces.nasbench201 import operations
from engine.spaces.space import DiscreteNetwork
from runs.catalogue.spaces.nasbench201 import SPACE
from runs.genotypes import nasbench201
from runs.genotypes.genotype import Genotype


class NasBench201Network(DiscreteNetwork):
    """The network that the benchmark trains for a genotype: 3 x ``cells`` cells and two reductions."""

    def __init__(self, genotype: Genotype, *, channels: int, cells: int, classes: int) -> None:
        super().__init__()
        chosen = nasbench201.operation_indices(genotype)
        blocks: list[nn.Module] = []
        for stage, width in enumerate((channels, 2 * channels, 4 * channels)):
            if stage:
                blocks.append(operations.ResidualReduction(width // 2))
            blocks += [DiscreteCell(chosen, width) for _ in range(cells)]
        self.body = nn.Sequential(operations.Stem(channels), *blocks)
        self.head = Head(4 * channels, classes)

    def forward(self, images: Tensor, drop_factors: Tensor | None = None) -> Tensor | tuple[Tensor, None]:
        """Return class scores [B, classes] of images [B, 3, H, W]; in training (scores, None): there is no second head.

        The benchmark has no drop path, so ``drop_factors`` is always None.
        """
        scores: Tensor = self.head(self.body(images))
        return (scores, None) if self.training else scores

    def parts(self) -> Iterable[nn.Module]:
        """Return the cells and reductions."""
        return self.body.children()


class DiscreteCell(nn.Module):
    """A cell with one operation on each edge. Operations on dead paths are built too: the benchmark counts them."""

    def __init__(self, chosen: list[int], channels: int) -> None:
        super().__init__()
        self._present = [SPACE.operations[op] != "none" for op in chosen]
        self.edges = nn.ModuleList(
            operations.build(SPACE.operations[op], channels, affine=True) if present else nn.Identity()
            for op, present in zip(chosen, self._present, strict=True)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return the value of the last node."""
        nodes = [features]
        for target in range(1, SPACE.edges[-1][1] + 1):
            incoming = [
                self.edges[edge](nodes[source])
                for edge, (source, node) in enumerate(SPACE.edges)
                if node == target and self._present[edge]
            ]
            nodes.append(functools.reduce(torch.add, incoming) if incoming else torch.zeros_like(features))
        return nodes[-1]
