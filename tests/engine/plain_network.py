"""The discrete network as public code computes it: operation by operation, in the order of the genotype."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from engine.spaces.darts.network import CellNetwork, DiscreteCell
from engine.spaces.darts.stems import ImageNetStem
from runs.genotypes.genotype import Genotype


class PlainNetwork(nn.Module):
    """Computes the same function as a :class:`CellNetwork` with the same weights, without its shortcuts.

    Args:
        network: its modules are copied.
        genotype: the genotype that it was built from.
    """

    def __init__(self, network: CellNetwork, genotype: Genotype) -> None:
        super().__init__()
        self.network = copy.deepcopy(network)
        self.genotype = genotype
        for part in self.network.modules():
            if isinstance(part, nn.ReLU):
                part.inplace = False

    def forward(self, images: Tensor, probability: float = 0.0, keep: Tensor | None = None) -> list[Tensor]:
        """Return the scores, and in training also those of the auxiliary head if there is one.

        Args:
            images: [B, 3, H, W].
            probability: of drop path, applied in training.
            keep: [operations, B], the draws; drawn for each operation if left out.
        """
        network, auxiliary = self.network, []
        draws = iter([] if keep is None else list(keep))
        if isinstance(network.stem, ImageNetStem):
            older = network.stem.older(images)
            newer = network.stem.newer(older)
        else:
            older = newer = network.stem(images)
        for index, cell in enumerate(network.cells):
            assert isinstance(cell, DiscreteCell)
            kind = "reduce" if index in (len(network.cells) // 3, 2 * len(network.cells) // 3) else "normal"
            older, newer = newer, self._cell(cell, kind, older, newer, probability, draws)
            if self.training and network.auxiliary is not None and index == 2 * len(network.cells) // 3:
                auxiliary = [network.auxiliary(newer)]
        pooled = nn.functional.adaptive_avg_pool2d(newer, 1)
        return [network.classifier(pooled.reshape(len(images), -1)), *auxiliary]

    def _cell(
        self, cell: DiscreteCell, kind: str, older: Tensor, newer: Tensor, probability: float, draws: Iterator[Tensor]
    ) -> Tensor:
        states = {0: cell.older(older), 1: cell.newer(newer)}
        for edge, operation in zip(self.genotype.cells[kind].edges, cell.edges, strict=True):
            value = operation(states[edge.source])
            if self.training and probability > 0 and not isinstance(operation, nn.Identity):
                keep = next(draws, None)
                if keep is None:
                    keep = torch.rand(len(value)) >= probability
                mask = keep.to(value.dtype).view(-1, 1, 1, 1)
                value = value.div(1 - probability).mul(mask)
            states[edge.target] = states[edge.target] + value if edge.target in states else value
        return torch.cat([states[node] for node in self.genotype.cells[kind].outputs], dim=1)
