"""Layers that the networks of several spaces share."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


def batch_norm(channels: int, *, affine: bool = True, track_statistics: bool = True) -> nn.BatchNorm2d:
    """Return a batch norm over [B, channels, H, W]."""
    norm = nn.BatchNorm2d(channels, affine=affine, track_running_stats=track_statistics)
    # Only a cumulative average reads the batch count, and counting costs a kernel per norm: 8 % of a step's kernels.
    norm.num_batches_tracked = None
    return norm


class Rectified(nn.Module):
    """An operation that begins with a ReLU. ``body`` takes features that are already rectified.

    A network can therefore compute the ReLU of a node once, however many operations read it.
    """

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, features: Tensor) -> Tensor:
        """Return ``body`` of the rectified features."""
        out: Tensor = self.body(functional.relu(features))
        return out


class Head(nn.Module):
    """Batch norm, ReLU, global average pool, linear classifier."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.norm = nn.Sequential(batch_norm(channels), nn.ReLU())
        self.classifier = nn.Linear(channels, classes)

    def forward(self, features: Tensor) -> Tensor:
        """Return class scores [B, classes]."""
        scores: Tensor = self.classifier(self.norm(features).mean((2, 3)))
        return scores
