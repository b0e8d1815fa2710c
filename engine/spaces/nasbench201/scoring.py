"""The networks of NAS-Bench-201 cells that zero-cost proxies measure.

See docs/methods/tenas.md, "Networks that are measured".
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from engine.spaces.joint_convolution import JointConvolution, JointNorm
from engine.spaces.layers import Head
from engine.spaces.nasbench201 import operations
from engine.spaces.nasbench201.pooling import average_pool
from engine.spaces.scoring import NTK, THIN, ScoredEdge, ScoringNetwork, node_value
from runs.catalogue import Space
from runs.genotypes.genotype import NONE

_WIDTHS = {NTK: 3, THIN: 1}


class NasBench201Scoring(ScoringNetwork):
    """NTK: a stem and three cells of C = 3, 6, 12 with residual blocks between; thin: a single cell of one channel."""

    def __init__(self, space: Space, which: str, classes: int) -> None:
        super().__init__()
        self.space = space
        width = _WIDTHS[which]
        blocks: list[nn.Module] = [operations.Stem(width)] if which == NTK else []
        stages = 3 if which == NTK else 1
        for stage in range(stages):
            if stage:
                blocks.append(operations.ResidualReduction(width))
                width *= 2
            blocks.append(_Cell(space, width, joint=which == NTK))
        self.blocks = nn.ModuleList(blocks)
        self.features = width
        self.head = Head(width, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return class scores [B, classes]."""
        features = images
        for block in self.blocks:
            cell = isinstance(block, _Cell)
            features = block(features, self.live["cell"]) if cell else block(features)
        scores: Tensor = self.head(features)
        return scores


class _Cell(nn.Module):
    """A cell, computed operation by operation or jointly for each source node.

    Args:
        space: of the cell.
        channels: in and out.
        joint: whether to compute what the edges that leave a node share only once: its ReLU, its pool, one convolution.
            Otherwise every ReLU of every edge runs, as the length of an activation pattern requires.
    """

    def __init__(self, space: Space, channels: int, *, joint: bool) -> None:
        super().__init__()
        self._ends = space.edges
        self._output = space.edges[-1][1]
        self._names = space.operations
        self._joint = joint
        self._convolution = nn.ModuleList(JointConvolution() for _ in range(self._output))
        self._norm = nn.ModuleList(JointNorm() for _ in range(self._output))
        self.edges = nn.ModuleList(
            ScoredEdge(
                {
                    column: operations.build(name, channels, affine=True)
                    for column, name in enumerate(space.operations)
                    if name != NONE
                }
            )
            for _ in space.edges
        )

    def forward(self, features: Tensor, live: tuple[tuple[int, ...], ...]) -> Tensor:
        if self._joint:
            return self._by_source(features, live)
        nodes = [features]
        for target in range(1, self._output + 1):
            incoming = [
                self.edges[edge](nodes[source], live[edge])
                for edge, (source, node) in enumerate(self._ends)
                if node == target
            ]
            nodes.append(node_value(incoming, features))
        return nodes[-1]

    def _by_source(self, features: Tensor, live: tuple[tuple[int, ...], ...]) -> Tensor:
        arriving: list[list[Tensor | None]] = [[] for _ in range(self._output + 1)]
        node = features
        for source in range(self._output):
            convolutions: list[tuple[int, operations.ReluConvBn, float]] = []
            pooled = None
            for edge, (start, target) in enumerate(self._ends):
                for column in live[edge] if start == source else ():
                    share = 1 / len(live[edge])
                    match self._names[column]:
                        case "skip_connect":
                            arriving[target].append(node * share)
                        case "avg_pool_3x3":
                            pooled = average_pool(node) if pooled is None else pooled
                            arriving[target].append(pooled * share)
                        case name if name != NONE:
                            convolutions.append((target, self.edges[edge].operations[str(column)], share))  # type: ignore
            if convolutions:
                targets, layers, shares = zip(*convolutions, strict=True)
                width = features.shape[1]
                scales = features.new_tensor(shares).repeat_interleave(width)
                out = self._convolution[source](functional.relu(node), [layer.convolution for layer in layers])
                values = self._norm[source](out, [layer.norm for layer in layers], scales).split(width, dim=1)
                for target, value in zip(targets, values, strict=True):
                    arriving[target].append(value)
            node = node_value(arriving[source + 1], features)
        return node
