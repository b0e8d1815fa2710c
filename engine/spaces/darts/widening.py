"""Widening a supernet of DARTS-like cells between the stages of a progressive search.

See docs/methods/drnas.md, "Widening" and "Batch norms are widened with their convolutions".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
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
def widen(old: Mapping[str, Tensor], new: DartsSupernet, generator: torch.Generator) -> dict[str, Change]:
    """Copy ``old`` into ``new``, whose operations see more channels, duplicating the channels of their layers.

    Args:
        old: the ``state_dict`` of the supernet of the stage that ends, on any device.
        new: has the same cells, at most as many candidates, and operations that see at least as many channels.
        generator: draws the duplicated channels, on the CPU.

    Returns:
        by the name of each parameter of ``new``, what widens its momentum.
    """
    changes: dict[str, Change] = {}
    for name, layers in _owned(new):
        narrow = {key: old[f"{name}.{key}"] for key in layers.state_dict()}
        changes |= {f"{name}.{key}": change for key, change in channels(layers, narrow, generator).items()}
    for name, tensor in new.state_dict().items():
        tensor.copy_(changes.get(name, _same)(old[name]))
    return {name: changes.get(name, _same) for name, _ in new.named_parameters()}


def channels(wide: nn.Module, narrow: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Change]:
    """Return, by name, what widens the kernels and batch norms of consecutive layers.

    A convolution reads the channels that the previous one duplicated; a convolution after a batch norm draws its own,
    as in the paper's code. A batch norm follows its convolution, and draws its own channels after a pool or an
    identity.

    Args:
        wide: the layers to be filled.
        narrow: the ``state_dict`` of the same layers with fewer channels.
        generator: on the CPU.
    """
    changes: dict[str, Change] = {}
    read: Tensor | None = None
    outputs: Change | None = None
    for name, after in wide.named_children():
        if isinstance(after, nn.Conv2d):
            kernel, read = _convolution(after, narrow[f"{name}.weight"], read, generator)
            changes[f"{name}.weight"] = kernel
            outputs = partial(widened, in_index=None, out_index=read)
        elif isinstance(after, Halves):
            unshifted, shifted = narrow[f"{name}.unshifted.weight"], narrow[f"{name}.shifted.weight"]
            first, appended = _convolution(after.unshifted, unshifted, None, generator)
            second, appended_behind = _convolution(after.shifted, shifted, None, generator)
            changes |= {f"{name}.unshifted.weight": first, f"{name}.shifted.weight": second}
            outputs = partial(_halves, len(unshifted), (appended, appended_behind))
        elif isinstance(after, nn.BatchNorm2d):
            if outputs is None:
                index = duplicates(len(narrow[f"{name}.running_mean"]), after.num_features, generator)
                outputs = partial(widened, in_index=None, out_index=index)
            changes |= dict.fromkeys((f"{name}.{key}" for key in after.state_dict()), outputs)
            read = outputs = None
    return changes


def _owned(network: DartsSupernet) -> Iterator[tuple[str, nn.Module]]:
    """Yield the layers that each operation owns, by name."""
    for name, part in network.named_modules():
        if isinstance(part, Source):
            yield from ((f"{name}.pools.{pool}", layers) for pool, layers in part.pools.items())
        elif isinstance(part, MixedEdge):
            yield from ((f"{name}.operations.{op}", layers) for op, layers in part.operations.items())


def _convolution(
    after: nn.Conv2d, before: Tensor, read: Tensor | None, generator: torch.Generator
) -> tuple[Change, Tensor]:
    """Return what widens a kernel ``before``, and which output channels are duplicated.

    ``read`` are the duplicated inputs, if known.
    """
    inputs = None
    if after.groups == 1:
        inputs = duplicates(before.shape[1], after.in_channels, generator) if read is None else read
    outputs = duplicates(len(before), after.out_channels, generator)
    return partial(widened, in_index=inputs, out_index=outputs), outputs


def _halves(cut: int, appended: tuple[Tensor, Tensor], vector: Tensor) -> Tensor:
    """Return a widened vector of a batch norm after two convolutions: each half is followed by its duplicates."""
    halves = (vector[:cut], vector[cut:])
    return torch.cat([widened(half, None, index) for half, index in zip(halves, appended, strict=True)])


def _same(tensor: Tensor) -> Tensor:
    return tensor
