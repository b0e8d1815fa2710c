"""Widening by duplicated channels, in the manner of Net2Wider: a warm start that does not keep the function.

See docs/methods/drnas.md, "Widening".
"""

from __future__ import annotations

import torch
from torch import Tensor


def duplicates(old: int, new: int, generator: torch.Generator) -> Tensor:
    """Return which of ``old`` channels are duplicated to make ``new``, drawn uniformly with replacement, [new - old].

    Args:
        old: the number of existing channels, which stay first.
        new: the number of channels afterwards, at least as many.
        generator: on the CPU.
    """
    return torch.randint(old, (new - old,), generator=generator)


def widened(tensor: Tensor, in_index: Tensor | None, out_index: Tensor | None) -> Tensor:
    """Return the tensor with copies of channels appended; nothing is divided by the number of copies.

    Args:
        tensor: a kernel [out, in / groups, h, w], its momentum, or a vector [out] such as the statistics of a norm.
        in_index: input channels to append, or None for none.
        out_index: output channels to append after the inputs, or None for none.
    """
    for axis, index in ((1, in_index), (0, out_index)):
        if index is not None:
            tensor = torch.cat([tensor, tensor.index_select(axis, index.to(tensor.device))], dim=axis)
    return tensor
