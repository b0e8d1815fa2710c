"""The 3x3 average pool, computed as sums of shifted images where that is faster."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx
from torch.nn import functional


def average_pool(features: Tensor) -> Tensor:
    """Return the average over each pixel's 3x3 neighbourhood inside the image, [B, C, H, W] like the input."""
    # The CPU's pool is a scalar loop for most layouts: the sums take a seventh of its time in NCHW order and two thirds
    # with channels last. There, a depthwise convolution with ones would take half as long as the sums, but it adds in
    # another order: nearly every second value would change in its last bit, and with it the results of every seed.
    # Elsewhere one kernel beats nine, and half precision needs its sums in full precision.
    if features.device.type == "cpu" and features.dtype in (torch.float32, torch.float64):
        pooled: Tensor = _AveragePool.apply(features)
        return pooled
    return functional.avg_pool2d(features, 3, 1, 1, count_include_pad=False)


class _AveragePool(torch.autograd.Function):
    """Sums over the neighbourhood, divided by the number of neighbours.

    Being a neighbour is a symmetric relation, so the backward pass uses the same sums.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, features: Tensor) -> Tensor:
        return _neighbourhood(features).mul_(_share(*features.shape[2:], features.dtype))

    @staticmethod
    def backward(ctx: FunctionCtx, *gradients: Any) -> Tensor:
        (gradient,) = gradients
        return _neighbourhood(gradient * _share(*gradient.shape[2:], gradient.dtype))


def _neighbourhood(features: Tensor) -> Tensor:
    """Return the sum over the 3x3 neighbourhood of each pixel, rows after columns."""
    for axis in (3, 2):
        length = features.shape[axis]
        total = features.clone()
        total.narrow(axis, 1, length - 1).add_(features.narrow(axis, 0, length - 1))
        total.narrow(axis, 0, length - 1).add_(features.narrow(axis, 1, length - 1))
        features = total
    return features


@functools.cache
def _share(height: int, width: int, dtype: torch.dtype) -> Tensor:
    """Return one over the number of neighbours of each pixel, [H, W]."""
    return 1 / _neighbourhood(torch.ones(1, 1, height, width, dtype=dtype))[0, 0]
