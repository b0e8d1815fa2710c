"""Candidates of one kind on the edges that leave a node, computed together: fewer and larger kernels, for GPUs.

On a GPU the launch of a small kernel takes as long as its work, and the depthwise convolutions of a supernet launch
thousands. On a CPU one convolution for each edge is faster. The operations keep their parameters, under the names of
their edges; this module only computes. See docs/performance.md, "Depthwise convolutions on a GPU".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.spaces.darts.mixing import PHASE, PHASES, MixedEdge, NodeSum, View, for_images

# The kinds of device on which candidates are merged.
DEVICES = {"cuda"}


class MergedOperation:
    """One candidate on several edges that leave the same node.

    Args:
        layers: of each edge: convolutions without bias that are dense or depthwise, batch norms and ReLUs.
    """

    def __init__(self, layers: Sequence[nn.Sequential]) -> None:
        self._layers = [list(each) for each in layers]
        # By position, the joint running statistics of a batch norm; those of the edges are views of them.
        self._statistics: dict[int, list[Tensor | None]] = {}
        for position, norm in enumerate(self._layers[0]):
            if isinstance(norm, nn.BatchNorm2d):
                self._statistics[position] = [self._tied(position, name) for name in ("running_mean", "running_var")]

    def _tied(self, position: int, name: str) -> Tensor | None:
        """Join a running statistic, and make those of the edges views of it."""
        parts = [getattr(layers[position], name) for layers in self._layers]
        if parts[0] is None:
            return None
        whole = torch.cat(parts)
        for layers, part in zip(self._layers, whole.split(len(parts[0])), strict=True):
            setattr(layers[position], name, part)
        return whole

    def run(self, features: Tensor, scale: Tensor, *, in_phases: bool) -> Tensor:
        """Return the outputs of all edges side by side, each times its scale, [B, edges * C, H', W'].

        Args:
            features: [B, C, H, W], read by all edges.
            scale: [edges * C], the factors of the last batch norm.
            in_phases: whether the features are phases, for layers with dilated convolutions.
        """
        last = len(self._layers[0]) - 1
        for position, layer in enumerate(self._layers[0]):
            if isinstance(layer, nn.Conv2d):
                features = self._convolved(features, position, in_phases=in_phases)
            elif isinstance(layer, nn.BatchNorm2d):
                features = self._normalised(features, position, scale if position == last else None)
            else:
                features = layer(features)
        return features

    def _convolved(self, features: Tensor, position: int, *, in_phases: bool) -> Tensor:
        layers = [each[position] for each in self._layers]
        layer, count = layers[0], len(layers)
        assert isinstance(layer, nn.Conv2d)
        depthwise = layer.groups > 1
        groups = layer.groups * count
        if position == 0:
            # All edges read the same features: one dense convolution, or a depthwise one on copies side by side.
            features, groups = (side_by_side(features, count), groups) if depthwise else (features, 1)
        weight = torch.cat([each.weight for each in layers if isinstance(each, nn.Conv2d)])
        if in_phases and depthwise:
            return functional.conv2d(features, weight, padding=layer.kernel_size[0] // 2, groups=groups)
        return functional.conv2d(features, weight, None, layer.stride, layer.padding, layer.dilation, groups)

    def _normalised(self, features: Tensor, position: int, scale: Tensor | None) -> Tensor:
        norms = [norm for norm in (each[position] for each in self._layers) if isinstance(norm, nn.BatchNorm2d)]
        mean, variance = self._statistics[position]
        norm, shift = norms[0], None
        if norm.affine:
            weight, shift = torch.cat([each.weight for each in norms]), torch.cat([each.bias for each in norms])
            if scale is not None:
                weight, shift = weight * scale, shift * scale
            scale = weight
        training = norm.training or mean is None
        return functional.batch_norm(features, mean, variance, scale, shift, training, norm.momentum or 0.0, norm.eps)


def mergeable(layers: nn.Module) -> bool:
    """Return whether a candidate's layers can be computed together with those of other edges: convolutions first."""
    if not isinstance(layers, nn.Sequential) or not isinstance(next(iter(layers)), nn.Conv2d):
        return False
    return all(
        isinstance(layer, nn.BatchNorm2d | nn.ReLU)
        or (isinstance(layer, nn.Conv2d) and layer.groups in (1, layer.in_channels))
        for layer in layers
    )


def side_by_side(features: Tensor, count: int) -> Tensor:
    """Return the channels of [B, C, H, W] ``count`` times, [B, count * C, H, W], in the same memory format."""
    if features.is_contiguous(memory_format=torch.channels_last):
        last: Tensor = features.permute(0, 2, 3, 1).unsqueeze(3).expand(-1, -1, -1, count, -1)
        return last.flatten(3).permute(0, 3, 1, 2)
    repeated: Tensor = features.unsqueeze(1).expand(-1, count, -1, -1, -1).flatten(1, 2)
    return repeated


@dataclass(frozen=True)
class Group:
    """A candidate that several edges of a cell share.

    Attributes:
        op: the column.
        edges: all edges that leave one node and have it.
        mixed: one of these edges; all read the same.
        operation: of these edges.
    """

    op: int
    edges: tuple[int, ...]
    mixed: MixedEdge
    operation: MergedOperation


def groups(leaving: Mapping[int, MixedEdge]) -> list[Group]:
    """Return what can be merged on the edges that leave a node, by the number of the edge."""
    candidates: dict[int, dict[int, nn.Sequential]] = {}
    for edge, mixed in leaving.items():
        for column, layers in mixed.operations.items():
            if isinstance(layers, nn.Sequential) and mergeable(layers):
                candidates.setdefault(int(column), {})[edge] = layers
    return [
        Group(op, tuple(built), leaving[next(iter(built))], MergedOperation(list(built.values())))
        for op, built in candidates.items()
        if len(built) > 1
    ]


def add_merged(
    found: Sequence[Group],
    view: View,
    sums: Mapping[int, NodeSum],
    scales: Sequence[Mapping[int, Tensor]],
    factors: Mapping[int, Mapping[int, Tensor | None]],
) -> Iterator[tuple[int, int]]:
    """Add the candidates that all their edges run to the sums of their targets; yield (edge, column) of each.

    If only some edges run a candidate, as with a sampling method, nothing is merged, so that no statistics have to be
    gathered.

    Args:
        found: on the edges that leave a node.
        view: of the node.
        sums: of the target of each edge.
        scales: of each edge, by column; see :meth:`engine.spaces.darts.mixing.MixedEdge.forward`.
        factors: of drop path, for the columns that each edge runs.
    """
    for group in found:
        if not all(group.op in factors[edge] for edge in group.edges):
            continue
        reads = group.mixed.reads(group.op, view)
        scale = torch.cat([scales[edge][group.op] for edge in group.edges])
        value = group.operation.run(view.read(reads), scale, in_phases=reads in {PHASES, PHASE})
        for edge, part in zip(group.edges, value.chunk(len(group.edges), dim=1), strict=True):
            factor = factors[edge][group.op]
            whole = part if factor is None else part * for_images(factor, part)
            sums[edge].add(whole, reads == PHASES, part=factor is None)
            yield edge, group.op
