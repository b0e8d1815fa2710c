"""Augmentation in batches, where the images lie: crop, flip, normalise and cutout as a few tensor operations."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from engine.data.images import ImageSet


class Augmenter:
    """Turns indices into normalised batches. Laws as torchvision's, drawn from one seeded generator.

    Args:
        data: the images; they stay on their device.
        mean, std: per channel, of values in 0..1.
        crop_padding: black pixels around before the random crop back to the image's size.
        flip: whether to mirror half of the images.
        cutout_length: side of the blanked square, centred on a uniform pixel and clipped at the border; 0 for none.
        generator: draws offsets, flips and centres, on the CPU.
    """

    def __init__(
        self,
        data: ImageSet,
        *,
        mean: Sequence[float],
        std: Sequence[float],
        crop_padding: int,
        flip: bool,
        cutout_length: int,
        generator: torch.Generator,
    ) -> None:
        self._data = data
        padding = (0, 0, crop_padding, crop_padding, crop_padding, crop_padding)
        self._padded = functional.pad(data.images, padding) if crop_padding else data.images
        self._reach = 2 * crop_padding + 1
        self._flip = flip
        self._cutout = cutout_length
        self._generator = generator
        device = data.images.device
        scale = torch.tensor(std, dtype=torch.float64)
        # (value / 255 - mean) / std as one multiplication and one addition.
        self._scale = (1 / (255 * scale)).float().to(device)
        self._shift = (-torch.tensor(mean, dtype=torch.float64) / scale).float().to(device)
        self._pixels = torch.arange(data.size, device=device)

    def train(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Return augmented images, float32 [B, 3, H, W] in channels-last memory, and labels [B]."""
        count, device = len(indices), self._pixels.device
        # The draws always happen, so that an option switched off does not shift the others.
        top, left, mirror, row, column = self._draw(count).to(device)
        rows = self._pixels + top[:, None]
        ordered = torch.where(mirror[:, None] * self._flip > 0, self._pixels.flip(0), self._pixels)
        columns = ordered + left[:, None]
        index = indices.to(device)
        images = self._normalised(self._padded[index[:, None, None], rows[:, :, None], columns[:, None, :]])
        if self._cutout:
            images = images * ~(self._covered(row)[:, None, :, None] & self._covered(column)[:, None, None, :])
        return images, self._data.labels[index]

    def test(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Return the same images, only normalised."""
        index = indices.to(self._pixels.device)
        return self._normalised(self._data.images[index]), self._data.labels[index]

    def _draw(self, count: int) -> Tensor:
        size = self._data.size
        limits = (self._reach, self._reach, 2, size, size)
        return torch.stack([torch.randint(limit, (count,), generator=self._generator) for limit in limits])

    def _normalised(self, images: Tensor) -> Tensor:
        return (images * self._scale + self._shift).permute(0, 3, 1, 2)

    def _covered(self, centre: Tensor) -> Tensor:
        """Return which rows (or columns) cutout blanks: [centre - length//2, centre + length//2)."""
        half = self._cutout // 2
        distance = self._pixels - centre[:, None]
        return (distance >= -half) & (distance < half)
