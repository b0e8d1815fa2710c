"""Convolutions of the same tensor, computed as one convolution and one batch norm: fewer, larger kernels, same sums.

The small convolutions keep their weights; these modules only compute, so that hooks see a single call.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class JointConvolution(nn.Module):
    """Convolutions of stride 1 side by side; smaller kernels are centred in the largest."""

    def forward(self, features: Tensor, layers: Sequence[nn.Conv2d]) -> Tensor:
        """Return their outputs [B, all channels out, H, W] of [B, C, H, W]."""
        side = joint_side(layers)
        kernels = [functional.pad(layer.weight, [(side - layer.kernel_size[0]) // 2] * 4) for layer in layers]
        return functional.conv2d(features, torch.cat(kernels), padding=side // 2)


class JointNorm(nn.Module):
    """Batch norms side by side, each multiplied by a constant.

    Attributes:
        running_mean, running_var: used for normalisation in evaluation mode.
    """

    running_mean: Tensor | None = None
    running_var: Tensor | None = None

    def forward(self, features: Tensor, norms: Sequence[nn.BatchNorm2d], scales: Tensor) -> Tensor:
        """Return the scaled outputs of the norms.

        Args:
            features: [B, all channels, H, W].
            norms: in the order of their channels.
            scales: [all channels].
        """
        weight = torch.cat([norm.weight for norm in norms]) * scales
        bias = torch.cat([norm.bias for norm in norms]) * scales
        return functional.batch_norm(
            features, self.running_mean, self.running_var, weight, bias, self.training, eps=norms[0].eps
        )


def joint_side(layers: Sequence[nn.Conv2d]) -> int:
    """Return the side of the largest kernel."""
    return max(layer.kernel_size[0] for layer in layers)
