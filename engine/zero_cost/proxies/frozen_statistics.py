"""Batch norms that treat the statistics of the current batch as constants.

See docs/methods/tenas.md, "Training-mode batch norm".
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from engine.spaces.joint_convolution import JointNorm


@contextlib.contextmanager
def frozen_statistics(network: nn.Module) -> Iterator[None]:
    """In this context, batch norms in training mode treat the batch's statistics as constants for the gradient."""
    norms = [part for part in network.modules() if isinstance(part, _BatchNorm | JointNorm) and part.training]
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
    """Give a norm in evaluation mode the statistics of its next input."""
    assert isinstance(norm, _BatchNorm | JointNorm)
    norm.running_mean, norm.running_var = _statistics(inputs[0].detach())


def _statistics(features: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and variance, without Bessel's correction, per channel of [B, C, ...]."""
    # torch.var_mean takes a dozen times as long if the values that it sums over are not contiguous.
    planes = features.reshape(*features.shape[:2], -1)
    count = planes.shape[0] * planes.shape[2]
    mean = planes.sum(2).sum(0) / count
    norms = torch.linalg.vector_norm(planes - mean[:, None], dim=2)
    return mean, norms.square().sum(0) / count
