"""The NAS-Bench-201 supernet, operation by operation: the plain form that faster ones are tested against."""

from __future__ import annotations

import functools

import torch
from torch import Tensor, nn

from engine.spaces.nasbench201 import operations
from engine.spaces.space import Candidates, EdgePlan, Plans, Supernet
from runs.catalogue.spaces.nasbench201 import SPACE

_NONE = SPACE.operations.index("none")
_SKIP = SPACE.operations.index("skip_connect")


class NasBench201Supernet(Supernet):
    """Stem, then three stages of cells at C, 2C and 4C channels with a residual reduction between, then the head.

    Args:
        channels: C.
        cells: cells in each stage.
        classes: classes of the data set.
        candidates: the operations alive on each edge; others are not built.
        track_statistics: whether candidate batch norms keep running averages.
    """

    def __init__(
        self, *, channels: int, cells: int, classes: int, candidates: Candidates, track_statistics: bool = True
    ) -> None:
        super().__init__()
        self.candidates = candidates
        blocks: list[nn.Module] = []
        for stage, width in enumerate((channels, 2 * channels, 4 * channels)):
            if stage:
                blocks.append(operations.ResidualReduction(width // 2))
            blocks += [MixedCell(width, candidates["cell"], track_statistics) for _ in range(cells)]
        self.stem = operations.Stem(channels)
        self.blocks = nn.ModuleList(blocks)
        self.head = operations.Head(4 * channels, classes)

    def forward(self, images: Tensor, plans: Plans) -> Tensor:
        """Return class scores [B, classes]; every cell follows the same plan."""
        plan = plans["cell"]
        features = self.stem(images)
        for block in self.blocks:
            features = block(features, plan) if isinstance(block, MixedCell) else block(features)
        scores: Tensor = self.head(features)
        return scores


class MixedCell(nn.Module):
    """A cell whose every edge is the weighted sum of its candidate operations."""

    def __init__(self, channels: int, candidates: tuple[tuple[int, ...], ...], track_statistics: bool) -> None:
        super().__init__()
        self.candidates = candidates
        # `none` adds nothing to a sum and has gradient zero, so it is never built nor run.
        self.edges = nn.ModuleList(
            nn.ModuleDict(
                {
                    str(op): operations.build(
                        SPACE.operations[op], channels, affine=False, track_statistics=track_statistics
                    )
                    for op in kept
                    if op != _NONE
                }
            )
            for kept in candidates
        )

    def forward(self, features: Tensor, plan: EdgePlan) -> Tensor:
        """Return the value of the last node, [B, C, H, W] like the input."""
        nodes = [features]
        active = plan.active or self.candidates
        for target in range(1, SPACE.edges[-1][1] + 1):
            incoming = [
                self._edge(edge, nodes[source], plan, active[edge])
                for edge, (source, node) in enumerate(SPACE.edges)
                if node == target
            ]
            present = [value for value in incoming if value is not None]
            nodes.append(functools.reduce(torch.add, present) if present else torch.zeros_like(features))
        return nodes[-1]

    def _edge(self, edge: int, features: Tensor, plan: EdgePlan, active: tuple[int, ...]) -> Tensor | None:
        total = None
        built = self.edges[edge]
        assert isinstance(built, nn.ModuleDict)
        for op in active:
            if op == _NONE:
                continue
            value = features if op == _SKIP else built[str(op)](features)
            term = plan.weights[edge, op] * value
            total = term if total is None else total + term
        if total is not None and plan.edge_scale is not None:
            total = total * plan.edge_scale[edge]
        return total
