"""From bytes to normalised numbers, in torchvision's order of operations, so that results are bit-identical."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class Normaliser:
    """``(value / 255 - mean) / std`` in float32, as torchvision's ``ToTensor`` and ``Normalize`` compute it.

    Args:
        mean, std: per channel, of values in 0..1.
        width: of the images, in pixels.
        device: of the images.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float], width: int, device: torch.device) -> None:
        # One number for every byte of a row: broadcasting over three channels would be many times slower.
        self._mean = torch.tensor(mean, dtype=torch.float32).repeat(width).to(device)
        self._std = torch.tensor(std, dtype=torch.float32).repeat(width).to(device)

    def __call__(self, rows: Tensor) -> Tensor:
        """Return uint8 rows of pixels [B, H, W * 3] as normalised float32 [B, H, W * 3]."""
        values: Tensor = rows.float().div_(255).sub_(self._mean).div_(self._std)
        return values


def as_images(rows: Tensor) -> Tensor:
    """Return rows of pixels [B, H, W * 3] as images [B, 3, H, W] in channels-last memory; nothing is copied."""
    return rows.view(len(rows), rows.shape[1], rows.shape[2] // 3, 3).permute(0, 3, 1, 2)
