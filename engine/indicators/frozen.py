"""Batch norms that take the statistics of the batch at hand as constants (tenas.md 10, trap 4)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextlib.contextmanager
def frozen_statistics(network: nn.Module) -> Iterator[None]:
    """Inside, batch norms in training mode normalise by the batch's mean and variance, but pass no gradient to them."""
    norms = [part for part in network.modules() if isinstance(part, _BatchNorm) and part.training]
    before = [(norm.running_mean, norm.running_var) for norm in norms]
    handles = [norm.register_forward_pre_hook(_measure) for norm in norms]
    try:
        for norm in norms:
            norm.training = False
        yield
    finally:
        for handle in handles:
            handle.remove()
        for norm, (mean, variance) in zip(norms, before, strict=True):
            norm.training, norm.running_mean, norm.running_var = True, mean, variance


def _measure(norm: nn.Module, inputs: tuple[Any, ...]) -> None:
    """Give a norm in evaluation mode the statistics of what it is about to see."""
    features: Tensor = inputs[0].detach()
    over = [axis for axis in range(features.dim()) if axis != 1]
    assert isinstance(norm, _BatchNorm)
    norm.running_var, norm.running_mean = torch.var_mean(features, over, correction=0)
