"""Mean and standard deviation of images, exact over their bytes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

Channels = tuple[float, float, float]
CHUNK = 1024


class PixelSums:
    """Sums of bytes and of their squares per channel, in integers, so that the order of additions does not matter.

    Attributes:
        pixels: the number of pixels added.
    """

    def __init__(self) -> None:
        self.pixels = 0
        self._sums = torch.zeros(2, 3, dtype=torch.int64)

    def add(self, images: Tensor) -> None:
        """Add uint8 images [..., H, W, 3]."""
        for chunk in images.reshape(-1, images.shape[-2], 3).split(CHUNK * 32):
            values = chunk.flatten(0, 1).int()
            self.pixels += len(values)
            self._sums += torch.stack([values.sum(0), values.square().sum(0)]).cpu()

    def statistics(self) -> tuple[Channels, Channels]:
        """Return mean and standard deviation per channel, of values in 0..1; a constant channel has deviation 1."""
        sums, squares = (self._sums.double() / max(self.pixels, 1)).unbind()
        deviation = (squares - sums.square()).clamp_min(0).sqrt() / 255
        deviation = torch.where(deviation > 0, deviation, 1.0)
        return as_channels((sums / 255).tolist()), as_channels(deviation.tolist())


def measured(images: Tensor) -> tuple[Channels, Channels]:
    """Return mean and standard deviation per channel of uint8 images [N, H, W, 3], of values in 0..1."""
    sums = PixelSums()
    sums.add(images)
    return sums.statistics()


def as_channels(values: Sequence[float]) -> Channels:
    """Return three numbers as the values of three channels."""
    red, green, blue = values
    return red, green, blue
