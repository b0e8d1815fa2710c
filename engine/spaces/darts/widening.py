"""Widening a supernet of DARTS-like cells between the stages of a progressive search (drnas.md 7, T9)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor, nn

from engine.spaces.channel_duplication import duplicates, widened
from engine.spaces.darts.mixing import MixedEdge, Source
from engine.spaces.darts.operations import Halves
from engine.spaces.darts.supernet import DartsSupernet

# How a kernel, its momentum, or a vector of a batch norm is widened.
Change = Callable[[Tensor], Tensor]


@torch.no_grad()
def widen(old: DartsSupernet, new: DartsSupernet, generator: torch.Generator) -> dict[str, Change]:
    """Copy ``old`` into ``new``, which passes fewer channels by, duplicating channels of what operations own.

    Args:
        old: the supernet of the stage that ends.
        new: of the same cells, with as many or fewer candidates and as many or more channels for operations to see.
        generator: of the duplicated channels, on the CPU.

    Returns:
        by the name of each parameter of ``new``, what widens its momentum.
    """
    changes: dict[str, Change] = {}
    parts = dict(old.named_modules())
    for name, layers in _owned(new):
        changes |= {f"{name}.{key}": change for key, change in channels(layers, parts[name], generator).items()}
    state = old.state_dict()
    for name, tensor in new.state_dict().items():
        tensor.copy_(changes.get(name, _same)(state[name]))
    return {name: changes.get(name, _same) for name, _ in new.named_parameters()}


def channels(wide: nn.Module, narrow: nn.Module, generator: torch.Generator) -> dict[str, Change]:
    """Return, by name, what widens the kernels and batch norms of layers in a row.

    A convolution reads the channels that the one before it duplicated; what begins behind a batch norm draws afresh,
    as in the paper's code. A batch norm follows its convolution, and draws behind a pool or an identity.

    Args:
        wide: the layers to be.
        narrow: the same with fewer channels.
        generator: on the CPU.
    """
    changes: dict[str, Change] = {}
    read: Tensor | None = None
    outputs: Change | None = None
    for (name, after), before in zip(wide.named_children(), narrow.children(), strict=True):
        if isinstance(after, nn.Conv2d):
            kernel, read = _convolution(after, before, read, generator)
            changes[f"{name}.weight"] = kernel
            outputs = partial(widened, in_index=None, out_index=read)
        elif isinstance(after, Halves):
            assert isinstance(before, Halves)
            first, appended = _convolution(after.unshifted, before.unshifted, None, generator)
            second, appended_behind = _convolution(after.shifted, before.shifted, None, generator)
            changes |= {f"{name}.unshifted.weight": first, f"{name}.shifted.weight": second}
            outputs = partial(_halves, before.unshifted.out_channels, (appended, appended_behind))
        elif isinstance(after, nn.BatchNorm2d):
            if outputs is None:
                assert isinstance(before, nn.BatchNorm2d)
                index = duplicates(before.num_features, after.num_features, generator)
                outputs = partial(widened, in_index=None, out_index=index)
            changes |= dict.fromkeys((f"{name}.{key}" for key in after.state_dict()), outputs)
            read = outputs = None
    return changes


def _owned(network: DartsSupernet) -> Iterator[tuple[str, nn.Module]]:
    """Yield by name what operations own, each a row of layers."""
    for name, part in network.named_modules():
        if isinstance(part, Source):
            yield from ((f"{name}.pools.{pool}", layers) for pool, layers in part.pools.items())
        elif isinstance(part, MixedEdge):
            yield from ((f"{name}.operations.{op}", layers) for op, layers in part.operations.items())


def _convolution(
    after: nn.Conv2d, before: nn.Module, read: Tensor | None, generator: torch.Generator
) -> tuple[Change, Tensor]:
    """Return what widens a kernel, and which output channels are duplicated; ``read`` are the inputs, if known."""
    assert isinstance(before, nn.Conv2d)
    inputs = None
    if after.groups == 1:
        inputs = duplicates(before.in_channels, after.in_channels, generator) if read is None else read
    outputs = duplicates(before.out_channels, after.out_channels, generator)
    return partial(widened, in_index=inputs, out_index=outputs), outputs


def _halves(cut: int, appended: tuple[Tensor, Tensor], vector: Tensor) -> Tensor:
    """Return a batch norm's vector widened behind two convolutions: each half has its duplicates beside it."""
    halves = (vector[:cut], vector[cut:])
    return torch.cat([widened(half, None, index) for half, index in zip(halves, appended, strict=True)])


def _same(tensor: Tensor) -> Tensor:
    return tensor
