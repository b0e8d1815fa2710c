"""Digits: scikit-learn's 1,797 scanned handwritten digits, which need no download."""

from __future__ import annotations

from pathlib import Path

import torch
from sklearn.datasets import load_digits

from engine.data.images import ImageSet
from runs.catalogue import Dataset

SIZE = 32


def load(dataset: Dataset, root: Path, part: str, size: int) -> ImageSet:
    """Return the training or test part as squares of ``size`` (or 32) pixels with three equal channels.

    Every fifth image of a class, in the order of the file, is a test image.
    """
    bunch = load_digits()
    grey = torch.from_numpy(bunch.images).float() * (255 / 16)  # [N, 8, 8], 0..16 in the file
    labels = torch.from_numpy(bunch.target).long()
    is_test = torch.zeros(len(labels), dtype=torch.bool)
    for label in range(10):
        is_test[(labels == label).nonzero().flatten()[4::5]] = True
    chosen = is_test if part == "test" else ~is_test
    small = grey[chosen].round().to(torch.uint8)
    images = ImageSet(small[..., None].expand(-1, -1, -1, 3).contiguous(), labels[chosen], tuple("0123456789"))
    return images.resized(size or SIZE)
