"""The networks of DARTS cells that zero-cost proxies measure.

See docs/methods/tenas.md, "Networks that are measured".
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.spaces.darts import operations
from engine.spaces.darts.stems import CifarStem, preprocessing
from engine.spaces.layers import Head
from engine.spaces.scoring import NTK, ScoredEdge, ScoringNetwork, node_value
from runs.catalogue import Space
from runs.genotypes.cell_networks import NORMAL, REDUCE, CellSlot
from runs.genotypes.genotype import NONE


class DartsScoring(ScoringNetwork):
    """A normal cell with one channel, then a reduction cell with two; the NTK network has a stem before them."""

    def __init__(self, space: Space, which: str, classes: int) -> None:
        super().__init__()
        self.space = space
        nodes = len({target for _, target in space.edges})
        self.stem = CifarStem(1) if which == NTK else nn.Identity()
        # The modules do not depend on the size of the images.
        normal = CellSlot(NORMAL, 1, (1, 1), False, (1, 1), False)
        reduce = CellSlot(REDUCE, 2, (1, nodes), False, (1, 1), False)
        self.cells = nn.ModuleList(_Cell(space, slot) for slot in (normal, reduce))
        self.features = nodes * reduce.channels
        self.head = Head(self.features, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return class scores [B, classes]."""
        older = newer = self.stem(images)
        for cell in self.cells:
            assert isinstance(cell, _Cell)
            older, newer = newer, cell(older, newer, self.live[cell.kind])
        scores: Tensor = self.head(newer)
        return scores


class _Cell(nn.Module):
    def __init__(self, space: Space, slot: CellSlot) -> None:
        super().__init__()
        self.kind = slot.kind
        self._ends = space.edges
        self._stride = slot.stride(0)
        self.older, self.newer = preprocessing(slot)
        self.edges = nn.ModuleList(
            ScoredEdge(
                {
                    column: operations.build(name, slot.channels, slot.stride(source), affine=True)
                    for column, name in enumerate(space.operations)
                    if name != NONE
                }
            )
            for source, _ in space.edges
        )

    def forward(self, older: Tensor, newer: Tensor, live: tuple[tuple[int, ...], ...]) -> Tensor:
        nodes = [self.older(older), self.newer(newer)]
        zeros = nodes[0][:, :, :: self._stride, :: self._stride]
        for target in range(len(nodes), self._ends[-1][1] + 1):
            incoming = [
                self.edges[edge](nodes[source], live[edge])
                for edge, (source, node) in enumerate(self._ends)
                if node == target
            ]
            nodes.append(node_value(incoming, zeros))
        return torch.cat(nodes[2:], dim=1)
