"""Widening a NAS-Bench-201 supernet between the stages of a progressive search."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor

from engine.spaces.channel_duplication import duplicates, widened
from engine.spaces.nasbench201.operations import ReluConvBn
from engine.spaces.nasbench201.supernet import NasBench201Supernet


@torch.no_grad()
def widen(
    old: Mapping[str, Tensor], new: NasBench201Supernet, generator: torch.Generator
) -> dict[str, Callable[[Tensor], Tensor]]:
    """Copy ``old`` into ``new``, duplicating channels; see :meth:`engine.spaces.space.SearchSpace.widen`.

    A convolution's input and output channels are drawn independently, and its batch norm follows the output channels.
    """
    changes: dict[str, Callable[[Tensor], Tensor]] = {}
    for name, part in new.named_modules():
        if isinstance(part, ReluConvBn):
            out_channels, in_channels = old[f"{name}.1.weight"].shape[:2]
            wide = part.convolution
            # The convolutions of the reductions keep their width, so their lists are empty.
            inputs = duplicates(in_channels, wide.in_channels, generator)
            outputs = duplicates(out_channels, wide.out_channels, generator)
            changes[f"{name}.1.weight"] = partial(widened, in_index=inputs, out_index=outputs)
            for of_norm in part.norm.state_dict():
                changes[f"{name}.2.{of_norm}"] = partial(widened, in_index=None, out_index=outputs)
    for name, tensor in new.state_dict().items():
        tensor.copy_(changes.get(name, _same)(old[name]))
    return {name: changes.get(name, _same) for name, _ in new.named_parameters()}


def _same(tensor: Tensor) -> Tensor:
    return tensor
