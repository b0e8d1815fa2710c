"""Widening by duplicated channels, in the manner of Net2Wider: a warm start, not the same function.

See docs/methods/drnas.md, "Widening".
"""

from __future__ import annotations

import torch
from torch import Tensor


def duplicates(old: int, new: int, generator: torch.Generator) -> Tensor:
    """Return which of ``old`` channels are duplicated to make ``new``, drawn uniformly with replacement, [new - old].

    Args:
        old: channels that there are, which stay first.
        new: channels that there shall be, at least as many.
        generator: on the CPU.
    """
    return torch.randint(old, (new - old,), generator=generator)


def widened(tensor: Tensor, in_index: Tensor | None, out_index: Tensor | None) -> Tensor:
    """Return the tensor with copies of channels appended; nothing is divided by the number of copies.

    Args:
        tensor: a kernel [out, in / groups, h, w], its momentum, or a vector [out] such as a norm's statistics.
        in_index: input channels to append, or None to leave them.
        out_index: output channels to append, after the inputs were, or None to leave them.
    """
    for axis, index in ((1, in_index), (0, out_index)):
        if index is not None:
            tensor = torch.cat([tensor, tensor.index_select(axis, index.to(tensor.device))], dim=axis)
    return tensor
