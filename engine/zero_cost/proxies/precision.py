"""The arithmetic that proxies need on GPUs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def full_float32() -> Iterator[None]:
    """In this context, convolutions on CUDA keep all 24 bits of float32, which torch rounds to 11 by default.

    That rounding alone would be larger than the smallest eigenvalues of a kernel. See
    docs/methods/tenas.md, "Singular kernels".
    """
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before
