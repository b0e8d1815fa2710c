"""How edges mix their candidates, computing what candidates share only once for each source node.

Everything without weights is the same for all edges that leave a node: the part of the channels that operations see,
its ReLU, its pools and their batch norms. An operation that ends in a batch norm needs no multiplication by its mixing
weight: the weight is used as the scale of that norm.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.spaces.darts import operations
from engine.spaces.layers import Rectified
from runs.genotypes.operations import Pool, Separable, Skip, Zero, operation

# What operations without a pool read of their source: the part that they see, unchanged or rectified, and the phases of
# the rectified part. Without strides the phases are stacked as more images of smaller sides; with strides there is only
# the first phase.
SEEN, RECTIFIED, PHASES, PHASE = "as it is", "rectified", "phases", "phase"
# The dilation that is computed on phases: every second row and column.
DILATION = 2


class Source(nn.Module):
    """A node as seen by the edges that leave it.

    Args:
        names: the operations of those edges.
        channels: C of the node.
        stride: of those edges.
        partial: k: operations see the first C // k channels.
        norms: see :class:`engine.spaces.darts.supernet.DartsSupernet`.

    Attributes:
        pools: by name, each with its batch norm unless that has a scale and a shift, which belong to a single edge. The
            statistics of all edges would be equal, so one norm keeps them.
    """

    def __init__(self, names: Iterable[str], channels: int, stride: int, *, partial: int, norms: str) -> None:
        super().__init__()
        self.stride = stride
        self.width = channels // partial
        shared = "pool" if norms == "pool" else "plain"
        self.pools = nn.ModuleDict(
            {
                name: operations.build_normed(name, self.width, stride, affine=False, norms=shared)
                for name in dict.fromkeys(names)
                if isinstance(operation(name), Pool)
            }
        )

    def forward(self, features: Tensor) -> View:
        """Return what edges read of the node's features [B, C, H, W]."""
        return View(self, features)


class View:
    """What the edges read of a node in one forward pass; each part is computed on first use.

    Attributes:
        features: [B, C, H, W].
        has_phases: whether all phases are equally large.
    """

    def __init__(self, source: Source, features: Tensor) -> None:
        self.features = features
        self._source = source
        self.has_phases = features.shape[2] % DILATION == 0 and features.shape[3] % DILATION == 0
        self._pooled: dict[str, Tensor] = {}

    def read(self, what: str) -> Tensor:
        """Return the output of a pool by its name, or what operations see, unchanged or rectified."""
        if what == SEEN:
            return self.seen
        if what == RECTIFIED:
            return self.rectified
        if what == PHASES:
            return self.phases
        if what == PHASE:
            return self.phase
        if what not in self._pooled:
            self._pooled[what] = self._source.pools[what](self.seen)
        return self._pooled[what]

    @functools.cached_property
    def output(self) -> Tensor:
        """All channels, rectified."""
        return functional.relu(self.features)

    @functools.cached_property
    def seen(self) -> Tensor:
        """The channels [B, C // k, H, W] that operations see."""
        if self._source.width == self.features.shape[1]:
            return self.features
        # Copied once: many operations read it, and each would otherwise copy channels that are scattered in memory.
        return self._parts[0].clone()

    @functools.cached_property
    def rectified(self) -> Tensor:
        """ReLU of what operations see."""
        return self.output if self.seen is self.features else functional.relu(self.seen)

    @functools.cached_property
    def phases(self) -> Tensor:
        """The phases of :attr:`rectified`."""
        return split_phases(self.rectified)

    @functools.cached_property
    def phase(self) -> Tensor:
        """The first phase of :attr:`rectified`, which is all that a strided and dilated convolution reads."""
        return self.rectified[:, :, ::DILATION, ::DILATION].clone()

    @functools.cached_property
    def bypass(self) -> Tensor:
        """The other channels, at the size of the operations' outputs."""
        passing = self._parts[1]
        return functional.max_pool2d(passing, 2, 2, ceil_mode=True) if self._source.stride > 1 else passing

    @functools.cached_property
    def _parts(self) -> Sequence[Tensor]:
        # A single split, so that its gradient is a single concatenation.
        width = self._source.width
        parts: Sequence[Tensor] = self.features.split([width, self.features.shape[1] - width], dim=1)
        return parts


class MixedEdge(nn.Module):
    """The weighted sum of an edge's operations.

    Args:
        names: of the candidates, by column.
        channels: of the part that operations see.
        stride: 1 or 2.
        affine, norms: see :class:`engine.spaces.darts.supernet.DartsSupernet`.

    Attributes:
        operations: by column, what an operation computes from what it reads of its source; it ends in a batch norm.
            Columns that compute nothing, such as an identity, are left out.
    """

    def __init__(self, names: Mapping[int, str], channels: int, stride: int, *, affine: bool, norms: str) -> None:
        super().__init__()
        self.operations = nn.ModuleDict()
        # `none` adds nothing to a sum and has gradient zero, so it is never built or run.
        self._reads = {op: _read(name, stride) for op, name in names.items() if not isinstance(operation(name), Zero)}
        for op, reads in self._reads.items():
            built = operations.build_normed(names[op], channels, stride, affine=affine, norms=norms)
            if isinstance(built, Rectified):
                self.operations[str(op)] = built.body
            elif isinstance(built, nn.Sequential) and (reads == SEEN or norms != "pool"):
                self.operations[str(op)] = built[1:]

    def reads(self, op: int, view: View) -> str:
        """Return what an operation reads of a view: the argument of :meth:`View.read`."""
        reads = self._reads[op]
        return RECTIFIED if reads == PHASES and not view.has_phases else reads

    def forward(
        self,
        total: NodeSum,
        view: View,
        scales: Mapping[int, Tensor],
        active: Sequence[int],
        skip_dropout: float,
        drop_factors: Sequence[Tensor | None],
    ) -> None:
        """Add the edge's value to its node.

        Args:
            total: of the node.
            view: of the source node.
            scales: the mixing weight of each candidate, repeated for each channel.
            active: the columns to run.
            skip_dropout: the probability that an element of an identity is dropped.
            drop_factors: of drop path, [B] for each column to run, or None.
        """
        for op, factor in zip(active, drop_factors, strict=True):
            if op not in self._reads:
                continue
            reads = self.reads(op, view)
            value = view.read(reads)
            if skip_dropout and reads == SEEN:
                value = functional.dropout(value, skip_dropout)
            if str(op) in self.operations:
                layers = self.operations[str(op)]
                value = scaled(layers, value, scales[op], in_phases=reads in {PHASES, PHASE})
                if factor is not None:
                    value = value.mul_(for_images(factor, value))
                total.add(value, reads == PHASES)
            else:
                if factor is not None:
                    value = value * factor.view(-1, 1, 1, 1)
                total.add_product(value, scales[op])


class NodeSum:
    """The sum of the values of a node's edges, computed in place: no gradient needs the output of a batch norm."""

    def __init__(self) -> None:
        # Of plain values, and of values in phases.
        self._totals: dict[bool, Tensor] = {}
        self._parts: set[bool] = set()

    def add(self, value: Tensor, in_phases: bool = False, *, part: bool = False) -> None:
        """Add a tensor that nothing else reads.

        Args:
            value: [B, C, H, W], or its phases.
            in_phases: whether these are phases.
            part: whether it is a part of a larger tensor, to which nothing may be added in place.
        """
        before = self._totals.get(in_phases)
        if before is None:
            self._totals[in_phases] = value
            if part:
                self._parts.add(in_phases)
        else:
            self._totals[in_phases] = before + value if self._is_part(in_phases) else before.add_(value)

    def add_product(self, value: Tensor, scale: Tensor) -> None:
        """Add ``scale`` [C] times ``value`` [B, C, H, W]."""
        before, scale = self._totals.get(False), scale.view(-1, 1, 1)
        if before is None:
            self._totals[False] = value * scale
        elif self._is_part(False):
            self._totals[False] = before.addcmul(value, scale)
        else:
            self._totals[False] = before.addcmul_(value, scale)

    def total(self) -> Tensor | None:
        """Return the sum, which must not be added to any more; None if nothing was added."""
        if True in self._totals:
            self.add(join_phases(self._totals[True]))
        return self._totals.get(False)

    def _is_part(self, in_phases: bool) -> bool:
        """Return whether the total is a part of a larger tensor; the next one is not."""
        found = in_phases in self._parts
        self._parts.discard(in_phases)
        return found


def for_images(factor: Tensor, value: Tensor) -> Tensor:
    """Return the factors of images, [B], in a form that multiplies their values or phases of values."""
    # Phases are stored image by image.
    return factor.repeat_interleave(len(value) // len(factor)).view(-1, 1, 1, 1)


def _read(name: str, stride: int) -> str:
    """Return what an operation reads of its source."""
    match operation(name):
        case Pool():
            return name
        case Skip() if stride == 1:
            return SEEN
        # A dilated convolution is a plain one on the phases, for which libraries have much faster kernels.
        case Separable(dilations=dilations) if stride == 1 and set(dilations) == {DILATION}:
            return PHASES
        case Separable(dilations=dilations) if stride == DILATION and dilations == (DILATION,):
            return PHASE
    return RECTIFIED


def split_phases(features: Tensor) -> Tensor:
    """Return the phases [4 B, C, H / 2, W / 2] of features [B, C, H, W]: the images of every second row and column."""
    if features.is_contiguous(memory_format=torch.channels_last):
        last: Tensor = features.permute(0, 2, 3, 1).unflatten(2, (-1, DILATION)).unflatten(1, (-1, DILATION))
        return last.permute(0, 2, 4, 1, 3, 5).flatten(0, 2).permute(0, 3, 1, 2)
    parts: Tensor = features.unflatten(3, (-1, DILATION)).unflatten(2, (-1, DILATION))
    return parts.permute(0, 3, 5, 1, 2, 4).flatten(0, 2)


def join_phases(phases: Tensor) -> Tensor:
    """Return the features [B, C, H, W] that have these phases: the inverse of :func:`split_phases`."""
    if phases.is_contiguous(memory_format=torch.channels_last):
        last: Tensor = phases.permute(0, 2, 3, 1).unflatten(0, (-1, DILATION, DILATION))
        return last.permute(0, 3, 1, 4, 2, 5).flatten(3, 4).flatten(1, 2).permute(0, 3, 1, 2)
    parts: Tensor = phases.unflatten(0, (-1, DILATION, DILATION))
    return parts.permute(0, 3, 4, 1, 5, 2).flatten(4, 5).flatten(2, 3)


def scaled(layers: nn.Module, features: Tensor, scale: Tensor, *, in_phases: bool = False) -> Tensor:
    """Return ``scale`` times the output of layers that end in a batch norm.

    Args:
        layers: applied one after another.
        features: [B, C, H, W].
        scale: [C].
        in_phases: whether the features are phases, for layers with dilated convolutions.
    """
    *before, norm = layers.children()
    for layer in before:
        if in_phases and isinstance(layer, nn.Conv2d) and layer.groups > 1:
            features = functional.conv2d(features, layer.weight, padding=layer.kernel_size[0] // 2, groups=layer.groups)
        else:
            features = layer(features)
    assert isinstance(norm, nn.BatchNorm2d)
    shift = None
    if norm.affine:
        scale, shift = scale * norm.weight, scale * norm.bias
    return functional.batch_norm(
        features, norm.running_mean, norm.running_var, scale, shift, norm.training, norm.momentum or 0.0, norm.eps
    )
