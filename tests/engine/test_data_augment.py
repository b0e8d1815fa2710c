"""Batched augmentation compared with torchvision's, which takes one image at a time: equal pixels and distributions."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torchvision
from PIL import Image
from torch import Tensor
from torchvision.transforms import functional as reference

from engine.data.augment import Augmenter
from engine.data.images import ImageSet
from tests.vectors import load

MEAN, STD = (0.49139968, 0.48215827, 0.44653124), (0.24703233, 0.24348505, 0.26158768)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(count: int = 16, side: int = 12) -> ImageSet:
    pixels = torch.randint(0, 256, (count, side, side, 3), generator=generator(1), dtype=torch.uint8)
    return ImageSet(pixels, torch.arange(count), ())


def augmenter(data: ImageSet, **changes: Any) -> Augmenter:
    options = {"crop_padding": 4, "flip": True, "cutout_length": 0, "mean": MEAN, "std": STD, "generator": generator()}
    return Augmenter(data, **(options | changes))


def one_by_one(data: ImageSet, draws: Tensor, *, padding: int, cutout: int) -> Tensor:
    """Return each image as torchvision's functions and the papers' cutout transform it with these draws."""
    made = []
    for place, (top, left, mirror, row, column) in enumerate(zip(*draws.tolist(), strict=True)):
        image = reference.pad(Image.fromarray(data.images[place].numpy()), padding)
        image = reference.crop(image, top, left, data.size, data.size)
        image = reference.hflip(image) if mirror else image
        tensor = reference.normalize(torchvision.transforms.ToTensor()(image), list(MEAN), list(STD))
        if cutout:
            rows, columns = (slice(max(c - cutout // 2, 0), c + cutout // 2) for c in (row, column))
            tensor[:, rows, columns] = 0
        made.append(tensor)
    return torch.stack(made)


@pytest.mark.parametrize(("side", "padding", "cutout"), [(32, 4, 0), (32, 4, 16), (16, 2, 5), (9, 0, 4)])
def test_images_are_torchvisions_bit_for_bit(side: int, padding: int, cutout: int) -> None:
    data = images(200, side)
    ours = augmenter(data, crop_padding=padding, cutout_length=cutout)
    draws = ours.draw(200)
    batch, labels = ours.train(torch.arange(200), draws)
    # Compared as numbers, not bits, because cutout produces some negative zeros.
    assert (batch == one_by_one(data, draws, padding=padding, cutout=cutout)).all()
    assert labels.tolist() == list(range(200))


def test_test_images_are_torchvisions_bit_for_bit() -> None:
    data = images(50)
    expected = one_by_one(data, torch.zeros(5, 50, dtype=torch.long), padding=0, cutout=0)
    for padding in (0, 3):
        assert torch.equal(augmenter(data, crop_padding=padding).test(torch.arange(50))[0], expected)


def test_draws_follow_torchvisions_laws() -> None:
    """Offsets are uniform over 0..2p, half the images flipped, centres uniform over pixels; all are independent."""
    draws = augmenter(images(2, 32)).draw(200_000)
    for row, outcomes in zip(draws, (9, 9, 2, 32, 32), strict=True):
        counts = torch.bincount(row, minlength=outcomes).double()
        assert len(counts) == outcomes
        expected = 200_000 / outcomes
        chi_square = ((counts - expected) ** 2 / expected).sum().item()
        freedom = outcomes - 1
        assert chi_square < freedom + 4 * (2 * freedom) ** 0.5
    assert (torch.corrcoef(draws.double()) - torch.eye(5)).abs().max() < 0.01


def test_draws_are_those_of_the_seed_and_can_be_given() -> None:
    data = images(20)
    indices = torch.arange(20)
    first, again = (augmenter(data, cutout_length=4).train(indices)[0] for _ in range(2))
    assert torch.equal(first, again)
    other = augmenter(data, cutout_length=4, generator=generator(9))
    assert torch.equal(other.train(indices, augmenter(data).draw(20))[0], first)


@pytest.mark.parametrize("case", load("baselines/training_parts")["data"]["cutout"])
def test_cutout_blanks_the_square_of_the_vectors(case: dict[str, Any]) -> None:
    side = case["height"]
    assert side == case["width"]
    white = ImageSet(torch.full((1, side, side, 3), 255, dtype=torch.uint8), torch.zeros(1, dtype=torch.long), ())
    row, column = case["centre"]
    ours = augmenter(white, crop_padding=0, cutout_length=case["length"])
    blank = ours.train(torch.tensor([0]), torch.tensor([[0], [0], [0], [row], [column]]))[0][0] == 0
    expected = torch.zeros(side, side, dtype=torch.bool)
    expected[slice(*case["zero_rows"]), slice(*case["zero_cols"])] = True
    assert (blank == expected).all()
    assert int(blank[0].sum()) == case["zeroed_pixels"]
