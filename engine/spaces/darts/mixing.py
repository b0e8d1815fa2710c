"""How edges mix their candidates, computing once per source node what their candidates share.

Whatever has no weights of its own is the same for all edges that leave a node: the part of the channels that
operations see, its ReLU, its pools and their batch norms. And an operation that ends in a batch norm needs no
multiplication by its mixing weight: the weight is the scale of that norm.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence

from torch import Tensor, nn
from torch.nn import functional

from engine.spaces.darts import operations
from engine.spaces.darts.operations import Rectified
from runs.genotypes.operations import Pool, Skip, Zero, operation

# What operations without a pool read of their source: the part that they see, as it is or rectified.
SEEN, RECTIFIED = "as it is", "rectified"


class Source(nn.Module):
    """A node as the edges that leave it see it.

    Args:
        names: of the operations of those edges.
        channels: C of the node.
        stride: of those edges.
        partial: k: operations see the first C // k channels.
        norms: see :class:`engine.spaces.darts.supernet.DartsSupernet`.

    Attributes:
        pools: by name, each with its batch norm unless that has a scale and a shift, which are an edge's own. The
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
    """What the edges of one forward pass read of a node; each part is computed when first asked for.

    Attributes:
        features: [B, C, H, W].
    """

    def __init__(self, source: Source, features: Tensor) -> None:
        self.features = features
        self._source = source
        self._pooled: dict[str, Tensor] = {}

    def read(self, what: str) -> Tensor:
        """Return the output of a pool by its name, or what operations see: as it is, or rectified."""
        if what == SEEN:
            return self.seen
        if what == RECTIFIED:
            return self.rectified
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
        # A copy, for many operations read it, and each would copy channels that lie apart.
        return self._parts[0].clone()

    @functools.cached_property
    def rectified(self) -> Tensor:
        """ReLU of what operations see."""
        return self.output if self.seen is self.features else functional.relu(self.seen)

    @functools.cached_property
    def bypass(self) -> Tensor:
        """The other channels, as large as the operations' outputs."""
        passing = self._parts[1]
        return functional.max_pool2d(passing, 2, 2, ceil_mode=True) if self._source.stride > 1 else passing

    @functools.cached_property
    def _parts(self) -> Sequence[Tensor]:
        # One split, whose gradient is one concatenation.
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
        operations: by column, what an operation does to what it reads of its source; it ends in a batch norm. Where
            that is nothing, as with an identity, the column is left out.
    """

    def __init__(self, names: Mapping[int, str], channels: int, stride: int, *, affine: bool, norms: str) -> None:
        super().__init__()
        self.operations = nn.ModuleDict()
        # `none` adds nothing to a sum and has gradient zero, so it is never built nor run.
        self._reads = {op: _read(name, stride) for op, name in names.items() if not isinstance(operation(name), Zero)}
        for op, reads in self._reads.items():
            built = operations.build_normed(names[op], channels, stride, affine=affine, norms=norms)
            if isinstance(built, Rectified):
                self.operations[str(op)] = built.body
            elif isinstance(built, nn.Sequential) and (reads == SEEN or norms != "pool"):
                self.operations[str(op)] = built[1:]

    def forward(
        self, total: Tensor | None, view: View, scales: Sequence[Tensor], active: Iterable[int], skip_dropout: float
    ) -> Tensor | None:
        """Return a sum with the edge's value added, in place; None if it is still empty.

        Args:
            total: [B, C // k, H, W], or None for an empty sum.
            view: of the source node.
            scales: per column the mixing weight, once for each channel.
            active: the columns to run.
            skip_dropout: the probability that an element of an identity is dropped.
        """
        for op in active:
            if op not in self._reads:
                continue
            value = view.read(self._reads[op])
            if skip_dropout and self._reads[op] == SEEN:
                value = functional.dropout(value, skip_dropout)
            if str(op) in self.operations:
                # Nothing needs the output of a batch norm for its gradient, so sums may overwrite it.
                value = scaled(self.operations[str(op)], value, scales[op])
                total = value if total is None else total.add_(value)
            else:
                scale = scales[op].view(-1, 1, 1)
                total = value * scale if total is None else total.addcmul_(value, scale)
        return total


def _read(name: str, stride: int) -> str:
    """Return what an operation reads of its source."""
    of = operation(name)
    if isinstance(of, Pool):
        return name
    return SEEN if isinstance(of, Skip) and stride == 1 else RECTIFIED


def scaled(layers: nn.Module, features: Tensor, scale: Tensor) -> Tensor:
    """Return ``scale`` times the output of layers that end in a batch norm.

    Args:
        layers: one after the other.
        features: [B, C, H, W].
        scale: [C].
    """
    *before, norm = layers.children()
    for layer in before:
        features = layer(features)
    assert isinstance(norm, nn.BatchNorm2d)
    shift = None
    if norm.affine:
        scale, shift = scale * norm.weight, scale * norm.bias
    return functional.batch_norm(
        features, norm.running_mean, norm.running_var, scale, shift, norm.training, norm.momentum or 0.0, norm.eps
    )
