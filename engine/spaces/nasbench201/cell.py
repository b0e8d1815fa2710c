"""The cell of the NAS-Bench-201 supernet: the computation of the public code with a third of its kernels.

Computed operation by operation, a cell is a hundred small kernels. The following rewrites are exact:

* An operation that ends in a batch norm needs no multiplication by its mixing weight: the weight is the norm's scale.
* ReLU and average pool have no weights, so a source node computes them once for all its edges.
* The convolutions of one kind that leave a node read the same tensor, so they are one convolution and one norm.
* With partial channels, the bypass and the shuffle are linear: they are done once per node, not once per edge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.spaces.nasbench201 import operations
from engine.spaces.nasbench201.operations import ReluConvBn
from engine.spaces.nasbench201.pooling import average_pool
from engine.spaces.nasbench201.sums import Sum, add_scaled
from engine.spaces.space import CellWeights
from runs.catalogue.spaces.nasbench201 import SPACE

_SKIP = SPACE.operations.index("skip_connect")
_POOL = SPACE.operations.index("avg_pool_3x3")
_CONVOLUTIONS = tuple(op for op, name in enumerate(SPACE.operations) if name.startswith("nor_conv"))
_NODES = SPACE.edges[-1][1] + 1


class Mixture:
    """Mixing weights in the form that the cells of one forward pass read: prepared once, since all cells share them.

    Args:
        cell_weights: of the cells.
        candidates: of the supernet.

    Attributes:
        active: the operations that run on each edge.
        weights: the mixing weight of each edge and operation, a tensor without dimensions that includes the edge's
            scale.
        scales: [edges] as tensors without dimensions, or None.
    """

    def __init__(self, cell_weights: CellWeights, candidates: tuple[tuple[int, ...], ...]) -> None:
        self.active = candidates if cell_weights.active is None else cell_weights.active
        weights = (
            cell_weights.weights
            if cell_weights.edge_scale is None
            else cell_weights.weights * cell_weights.edge_scale[:, None]
        )
        # Unbinding costs no kernel, and one for all gradients; indexing would fill a matrix of zeros for each entry.
        self.weights = [row.unbind() for row in weights.unbind()]
        self.scales = None if cell_weights.edge_scale is None else cell_weights.edge_scale.unbind()
        self._norm_scales: dict[tuple[int, Sequence[int], int], Tensor] = {}

    def norm_scale(self, op: int, edges: Sequence[int], channels: int) -> Tensor:
        """Return the weights of an operation on some edges, each repeated for all its channels, [edges * channels]."""
        key = (op, edges, channels)
        if key not in self._norm_scales:
            self._norm_scales[key] = torch.cat([self.weights[edge][op].expand(channels) for edge in edges])
        return self._norm_scales[key]


class Convolutions:
    """The convolutions of one kind on the edges that leave one node, with their batch norms.

    Args:
        op: the column.
        built: the modules by edge. They keep weights and running statistics under the names of their edges.
    """

    def __init__(self, op: int, built: dict[int, ReluConvBn]) -> None:
        self.op = op
        self.edges = tuple(built)
        self._built = built
        self.tie()

    def tie(self) -> None:
        """Make the running statistics of the edges views of one tensor, which the joint norm updates."""
        norms = [built.norm for built in self._built.values()]
        self._statistics: list[Tensor | None] = []
        for name in ("running_mean", "running_var"):
            parts = [getattr(norm, name) for norm in norms]
            whole = None if parts[0] is None else torch.cat(parts)
            self._statistics.append(whole)
            if whole is not None:
                for norm, part in zip(norms, whole.split(len(parts[0])), strict=True):
                    setattr(norm, name, part)

    def groups(self, mixture: Mixture) -> list[tuple[int, ...]]:
        """Return the running edges in groups that are computed by one convolution each.

        If only some edges run, as with a sampling method, each is its own group, so that no statistics have to be
        gathered.
        """
        active = tuple(edge for edge in self.edges if self.op in mixture.active[edge])
        return [active] if active == self.edges else [(edge,) for edge in active]

    def run(self, rectified: Tensor, edges: tuple[int, ...], mixture: Mixture) -> Tensor:
        """Return the weighted values of the edges of a group [B, edges * C, H, W], from [B, C, H, W]."""
        built = [self._built[edge] for edge in edges]
        convolution, norm = built[0].convolution, built[0].norm
        assert norm.momentum is not None
        # Joining small kernels is one cheap copy. If they were views of one parameter, an optimiser would see that one,
        # and its momentum and its checkpoint would have to be split at every stage.
        kernels = [part.convolution.weight for part in built]
        kernel = kernels[0] if len(kernels) == 1 else torch.cat(kernels)
        out = functional.conv2d(rectified, kernel, padding=convolution.padding)
        mean, variance = (norm.running_mean, norm.running_var) if len(edges) == 1 else self._statistics
        return functional.batch_norm(
            out,
            mean,
            variance,
            mixture.norm_scale(self.op, edges, norm.num_features),
            training=norm.training or mean is None,
            momentum=norm.momentum,
            eps=norm.eps,
        )


class MixedCell(nn.Module):
    """A cell in which every edge is the weighted sum of its candidate operations.

    Args:
        channels: C, in and out.
        candidates: the operations alive on each edge; others are not built.
        partial: k: operations see the first C // k channels, the others bypass them.
        track_statistics: whether candidate batch norms keep running averages.

    Attributes:
        edges: for each edge the operations with weights, by column.
    """

    def __init__(
        self, channels: int, candidates: tuple[tuple[int, ...], ...], *, partial: int = 1, track_statistics: bool = True
    ) -> None:
        super().__init__()
        self.partial = partial
        self.width = channels // partial
        self.edges = nn.ModuleList(
            nn.ModuleDict(
                {
                    str(op): operations.build(
                        SPACE.operations[op], self.width, affine=False, track_statistics=track_statistics
                    )
                    for op in kept
                    if op in _CONVOLUTIONS
                }
            )
            for kept in candidates
        )
        self._outgoing = [[edge for edge, ends in enumerate(SPACE.edges) if ends[0] == node] for node in range(_NODES)]
        self._convolutions = [list(self._leaving(edges)) for edges in self._outgoing]
        self.register_load_state_dict_post_hook(lambda cell, _: cell.tie())

    def _leaving(self, edges: list[int]) -> Iterator[Convolutions]:
        for op in _CONVOLUTIONS:
            built = {edge: self.edges[edge][str(op)] for edge in edges if str(op) in self.edges[edge]}  # type: ignore
            if built:
                yield Convolutions(op, built)

    def tie(self) -> None:
        """Join the running statistics of the edges again, after their tensors were replaced."""
        for leaving in self._convolutions:
            for convolutions in leaving:
                convolutions.tie()

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        super()._apply(fn, recurse)
        self.tie()
        return self

    def forward(self, features: Tensor, mixture: Mixture) -> Tensor:
        """Return the value of the last node, [B, C, H, W] like the input."""
        sums = [Sum() for _ in range(_NODES)]
        passing = [Sum() for _ in range(_NODES)]
        node = features
        for source in range(_NODES - 1):
            seen = node
            if self.partial > 1:
                seen, rest = node.split([self.width, node.shape[1] - self.width], dim=1)
                self._pass_by(rest, source, mixture, passing)
            self._mix(seen, source, mixture, sums)
            total = sums[source + 1].total
            node = torch.zeros_like(seen) if total is None else total
            if self.partial > 1:
                beside = passing[source + 1].total
                assert beside is not None
                node = shuffled(node, beside)
        return node

    def _mix(self, seen: Tensor, source: int, mixture: Mixture, sums: Sequence[Sum]) -> None:
        """Add the outputs of the operations on the edges from a source to the sums of their targets."""
        leaving = self._outgoing[source]
        for op in (_SKIP, _POOL):
            mixed = [edge for edge in leaving if op in mixture.active[edge]]
            if mixed:
                value = seen if op == _SKIP else average_pool(seen)
                weights = [mixture.weights[edge][op] for edge in mixed]
                add_scaled([sums[SPACE.edges[edge][1]] for edge in mixed], value, weights)
        running = [(part, edges) for part in self._convolutions[source] for edges in part.groups(mixture)]
        if not running:
            return
        rectified = functional.relu(seen)
        values: dict[tuple[int, ...], Tensor] = {}
        for part, edges in running:
            value = part.run(rectified, edges, mixture)
            # No norm keeps its output for the backward pass, so kinds on the same edges are added in place before the
            # split.
            values[edges] = values[edges].add_(value) if edges in values else value
        for edges, value in values.items():
            for edge, of_edge in zip(edges, value.split(self.width, dim=1), strict=True):
                sums[SPACE.edges[edge][1]].add(of_edge)

    def _pass_by(self, rest: Tensor, source: int, mixture: Mixture, passing: Sequence[Sum]) -> None:
        """Add the channels that no operation sees to the sums of the targets."""
        if mixture.scales is None:
            # The sources of each target are all earlier nodes, so one running sum serves all targets.
            before = passing[source].total
            passing[source + 1].add(rest if before is None else before + rest)
            return
        leaving = self._outgoing[source]
        targets = [passing[SPACE.edges[edge][1]] for edge in leaving]
        add_scaled(targets, rest, [mixture.scales[edge] for edge in leaving])


def shuffled(mixed: Tensor, passing: Tensor) -> Tensor:
    """Return channel shuffle of (mixed, passing) with k groups: out[i] = in[(i mod k) * C/k + i // k], one copy.

    Args:
        mixed: [B, C/k, H, W].
        passing: [B, C - C/k, H, W].
    """
    width = mixed.shape[1]
    groups = passing.unflatten(1, (-1, width)).transpose(1, 2)
    return torch.cat([mixed.unsqueeze(2), groups], dim=2).flatten(1, 2)
