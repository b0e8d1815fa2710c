"""Arithmetic that indicators need on GPUs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def full_float32() -> Iterator[None]:
    """Inside, convolutions of CUDA devices keep all 24 bits of float32, where the library's default rounds to 11.

    That rounding alone is larger than the smallest eigenvalues of a kernel (tenas.md 10, trap 5).
    """
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before
