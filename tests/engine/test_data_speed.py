"""Speed of making batches: ours in memory compared with torchvision's, one image at a time in a DataLoader."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from engine.data.augment import Augmenter
from engine.data.feeds import ResidentFeed
from engine.data.images import ImageSet

MEAN, STD = (0.49139968, 0.48215827, 0.44653124), (0.24703233, 0.24348505, 0.26158768)
COUNT, BATCH = 4096, 64
PASSES = 5
LEAST = 4.0


class Cutout:
    """Cutout as in the papers' code."""

    def __init__(self, length: int) -> None:
        self.length = length

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        height, width = image.shape[1:]
        mask = np.ones((height, width), np.float32)
        row, column = np.random.randint(height), np.random.randint(width)
        half = self.length // 2
        mask[max(row - half, 0) : row + half, max(column - half, 0) : column + half] = 0.0
        return image * torch.from_numpy(mask).expand_as(image)


class OneByOne(Dataset[Any]):
    def __init__(self, pixels: np.ndarray, labels: list[int], cutout: int) -> None:
        self.pixels, self.labels = pixels, labels
        steps = [
            transforms.RandomCrop(32, padding=4),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
        self.transform = transforms.Compose([*steps, *([Cutout(cutout)] if cutout else [])])

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.pixels[index])), self.labels[index]


def seconds(one_pass: Callable[[], object], passes: int) -> float:
    one_pass()
    spent = []
    for _ in range(passes):
        began = time.perf_counter()
        one_pass()
        spent.append(time.perf_counter() - began)
    return min(spent)


@pytest.fixture
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.benchmark
@pytest.mark.usefixtures("_one_thread")
@pytest.mark.parametrize("cutout", [0, 16])
def test_images_a_second_beside_torchvision(cutout: int, capsys: pytest.CaptureFixture[str]) -> None:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (COUNT, 32, 32, 3), generator=generator, dtype=torch.uint8)
    data = ImageSet(pixels, torch.arange(COUNT) % 10, tuple("0123456789"))
    augmenter = Augmenter(
        data, mean=MEAN, std=STD, crop_padding=4, flip=True, cutout_length=cutout, generator=generator
    )
    feed = ResidentFeed(data, augmenter, generator, train=True)
    feed.cut(BATCH)

    def ours() -> None:
        feed.start()
        while feed.left:
            feed.next()

    rates = {"ours": COUNT / seconds(ours, PASSES)}
    reference = OneByOne(pixels.numpy(), data.labels.tolist(), cutout)
    for workers in (0, 2):
        loader = DataLoader(
            reference, BATCH, shuffle=True, num_workers=workers, persistent_workers=workers > 0, generator=generator
        )
        rates[f"DataLoader, {workers} workers"] = COUNT / seconds(lambda loader=loader: list(loader), 2)  # type: ignore[misc]
    factor = rates["ours"] / rates["DataLoader, 0 workers"]
    with capsys.disabled():
        figures = "; ".join(f"{name} {rate:,.0f}" for name, rate in rates.items())
        print(f"\nimages/s, cutout {cutout}: {figures}; {factor:.1f} times")
    assert factor >= LEAST
