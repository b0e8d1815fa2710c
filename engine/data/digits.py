"""Digits: 1,797 scanned handwritten digits, which come with nastui.

``digits.npz`` is the test part of "Optical Recognition of Handwritten Digits" by E. Alpaydin and C. Kaynak (UCI Machine
Learning Repository, 1998, CC BY 4.0): uint8 images [1797, 8, 8] of values 0 to 16, and their labels.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from engine.data.images import ImageSet
from runs.catalogue import Dataset

FILE = Path(__file__).with_name("digits.npz")
SIZE = 32


def load(dataset: Dataset, root: Path, part: str, size: int) -> ImageSet:
    """Return the training or test part as squares of ``size`` (or 32) pixels with three equal channels.

    Every fifth image of a class, in the order of the file, is a test image.
    """
    with np.load(FILE) as arrays:
        grey, labels = torch.from_numpy(arrays["images"]), torch.from_numpy(arrays["labels"]).long()
    is_test = torch.zeros(len(labels), dtype=torch.bool)
    for label in range(10):
        is_test[(labels == label).nonzero().flatten()[4::5]] = True
    chosen = is_test if part == "test" else ~is_test
    small = (grey[chosen].float() * (255 / 16)).round().to(torch.uint8)
    images = ImageSet(small[..., None].expand(-1, -1, -1, 3).contiguous(), labels[chosen], tuple("0123456789"))
    return images.resized(size or SIZE)
