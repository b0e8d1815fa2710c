"""Feeds of images in memory, and how options become feeds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from engine.core.runtime import Runtime
from engine.data import sources
from engine.data.augment import Augmenter
from engine.data.feed import Feed
from engine.data.feeds import FeedOptions, ResidentFeed, open_feeds
from engine.data.images import ImageSet
from engine.data.sources import Source
from engine.data.streaming import StreamingFeed
from runs import catalogue
from runs.catalogue.shared_settings import DataSettings
from runs.errors import EnvironmentLacksError, UsageError

COUNT = 23
Batches = list[list[tuple[Tensor, Tensor]]]


def resident(train: bool = True, seed: int = 0) -> tuple[ResidentFeed, torch.Generator]:
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (COUNT, 8, 8, 3), generator=torch.Generator().manual_seed(5), dtype=torch.uint8)
    data = ImageSet(pixels, torch.arange(COUNT), tuple(map(str, range(COUNT))))
    augmenter = Augmenter(
        data, mean=(0.5,) * 3, std=(0.2,) * 3, crop_padding=2, flip=True, cutout_length=4, generator=generator
    )
    return ResidentFeed(data, augmenter, generator, train), generator


def walk(feed: Feed) -> Batches:
    """Return the rest of a pass."""
    batches = []
    while feed.left:
        batches.append(feed.next())
    return batches


def joined(batches: Batches) -> tuple[Tensor, Tensor]:
    pieces = [piece for batch in batches for piece in batch]
    return torch.cat([images for images, _ in pieces]), torch.cat([labels for _, labels in pieces])


class TestResident:
    def test_a_pass_shows_every_image_once_and_the_next_in_another_order(self) -> None:
        feed, _ = resident()
        feed.cut(5)
        orders = []
        for _ in range(2):
            feed.start()
            batches = walk(feed)
            assert [len(labels) for [(_, labels)] in batches] == [5, 5, 5, 5, 3]
            orders.append(joined(batches)[1].tolist())
        assert sorted(orders[0]) == sorted(orders[1]) == list(range(COUNT))
        assert orders[0] != orders[1]

    def test_test_images_come_plain_and_in_their_order(self) -> None:
        feed, generator = resident(train=False)
        before = generator.get_state()
        feed.cut(10)
        passes = []
        for _ in range(2):
            feed.start()
            passes.append(joined(walk(feed)))
        assert torch.equal(passes[0][0], passes[1][0])
        assert passes[0][1].tolist() == list(range(COUNT))
        assert torch.equal(generator.get_state(), before)

    @pytest.mark.parametrize("pieces", [1, 2, 3, 4, 7])
    def test_pieces_do_not_change_images(self, pieces: int) -> None:
        whole, _ = resident()
        whole.cut(7)
        whole.start()
        expected = [joined([batch]) for batch in walk(whole)]
        # Each process takes its own share; together these are the batch, in its order.
        processes = []
        for place in range(pieces):
            feed, _ = resident()
            feed.cut(7, pieces, (place,))
            feed.start()
            processes.append(walk(feed))
        for batch, (images, labels) in enumerate(expected):
            together = [piece for process in processes for piece in process[batch]]
            assert all(len(got) for got, _ in together)
            assert torch.equal(torch.cat([got for got, _ in together]), images)
            assert torch.equal(torch.cat([got for _, got in together]), labels)

    def test_a_batch_may_grow_and_be_cut_inside_a_pass(self) -> None:
        feed, _ = resident()
        feed.cut(4)
        feed.start()
        feed.next()
        feed.cut(8, 2, (0, 1))
        assert [len(labels) for _, labels in feed.next()] == [4, 4]
        assert feed.left == COUNT - 12

    def test_a_pass_continues_from_its_state(self) -> None:
        feed, generator = resident()
        feed.cut(4)
        feed.start()
        feed.next()
        state, drawn = feed.state(), generator.get_state()
        expected = joined(walk(feed))
        other, its = resident(seed=8)
        its.set_state(drawn)
        other.load(state)
        other.cut(4)
        got = joined(walk(other))
        assert torch.equal(got[0], expected[0])
        assert torch.equal(got[1], expected[1])


def folder(root: Path, *, side: int = 10, count: int = 4) -> Path:
    random = np.random.default_rng(0)
    for part in ("train", "val"):
        for label, name in enumerate(("cat", "dog", "emu")):
            (root / part / name).mkdir(parents=True)
            for place in range(count):
                pixels = random.integers(60 * label, 60 * label + 60, (side, side, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(root / part / name / f"{place}.png")
    return root


def feeds(name: str, root: Path, **options: Any) -> tuple[Feed, Feed, Source]:
    runtime = Runtime(device="cpu", seed=3, threads=1, precision="float32", channels_last=True)
    dataset = catalogue.dataset(name)
    source = Source(dataset, root, DataSettings(), runtime, sources.load)
    train, test = open_feeds(source, dataset, FeedOptions(**options), runtime)
    train.cut(64)
    test.cut(64)
    train.start()
    test.start()
    return train, test, source


class TestOptions:
    def test_small_images_are_resident(self, tmp_path: Path) -> None:
        train, test, source = feeds("digits", tmp_path, image_size=16, image_limit=50)
        assert isinstance(train, ResidentFeed)
        assert (len(train), len(test), train.size, source.size) == (50, 355, 16, 16)
        assert len(train.classes) == 10
        assert train.next()[0][0].shape == (50, 3, 16, 16)

    def test_options_replace_what_the_data_set_says(self, tmp_path: Path) -> None:
        options = {"mean": (0.0,) * 3, "std": (1 / 255,) * 3, "crop_padding": 0, "flip": False, "image_limit": 10}
        train, test, _ = feeds("digits", tmp_path, **options)
        images, _ = train.next()[0]
        assert images.max().item() == pytest.approx(255, rel=1e-6)
        everything = joined(walk(test))[0]
        assert everything.min() == 0

    @pytest.mark.parametrize("augmentation", ["crop", "imagenet"])
    def test_statistics_measured_on_the_training_images(self, tmp_path: Path, augmentation: str) -> None:
        size = 10 if augmentation == "crop" else 20
        name = str(folder(tmp_path / "f"))
        options = {"augmentation": augmentation, "image_size": size, "workers": 0, "jitter": False, "flip": False}
        train, test, _ = feeds(name, tmp_path, measured=True, crop_padding=0, **options)
        whole = joined(walk(train if augmentation == "crop" else test))[0]
        assert whole.mean((0, 2, 3)).abs().max() < (1e-5 if augmentation == "crop" else 0.05)
        again, _, _ = feeds(name, tmp_path, measured=True, crop_padding=0, **options)
        if augmentation == "crop":
            assert whole.std((0, 2, 3), correction=0).tolist() == pytest.approx([1] * 3, abs=1e-5)
        assert again.left == len(again)

    def test_large_images_are_streamed_at_224_pixels(self, tmp_path: Path) -> None:
        train, test, source = feeds(str(folder(tmp_path / "f")), tmp_path, augmentation="imagenet", workers=0)
        assert isinstance(train, StreamingFeed)
        assert (train.size, test.size, source.size) == (224, 224, 224)
        assert train.next()[0][0].shape == (12, 3, 224, 224)

    def test_only_image_folders_can_be_streamed(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="Digits is not one"):
            feeds("digits", tmp_path, augmentation="imagenet")

    def test_broken_images_in_memory_are_refused_or_skipped(self, tmp_path: Path) -> None:
        root = folder(tmp_path / "f")
        (root / "train" / "dog" / "1.png").write_bytes(b"no image")
        with pytest.raises(EnvironmentLacksError, match=r"dog/1\.png' is broken"):
            feeds(str(root), tmp_path)
        train, test, _ = feeds(str(root), tmp_path, broken_images="skip")
        assert (len(train), train.skipped, test.skipped) == (11, 1, 0)
