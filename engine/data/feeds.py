"""Opens the feeds of a training, from images in memory or streamed from an image folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from engine.core.runtime import Runtime
from engine.core.static_inputs import StaticInputs
from engine.data import streaming
from engine.data.augment import Augmenter
from engine.data.batches import IndexStream
from engine.data.feed import Feed
from engine.data.images import ImageSet, limited
from engine.data.listing import Listing, list_images
from engine.data.sources import Source, sample
from engine.data.statistics import Channels
from engine.data.streaming import StreamingFeed
from runs.catalogue import Dataset
from runs.store.datasets import streamed_folder


@dataclass(frozen=True)
class FeedOptions:
    """How images are made into batches.

    Attributes:
        augmentation: ``crop`` keeps small images on the device, pads, crops and flips them; ``imagenet`` streams random
            resized crops, flips and colour jitter from an image folder.
        cutout_length: side of the square that is set to the mean; only for ``crop``.
        crop_padding: width of the black border added before the crop; None for the data set's.
        flip: whether half of the training images are mirrored; None for the data set's.
        mean, std: per channel, of values in 0..1; None for the data set's.
        measured: use mean and std of the training images themselves.
        jitter: whether the colours of streamed images are jittered.
        workers: the number of processes that decode streamed images; 0 for this one.
        broken_images: ``refuse`` stops at a file that cannot be read; ``skip`` leaves it out and counts it.
        image_size: side in pixels; 0 for the data set's own, or 224 for streamed images.
        image_limit: the number of training images to use, with the same share of every class; 0 for all of them.
    """

    augmentation: Literal["crop", "imagenet"] = "crop"
    cutout_length: int = 0
    crop_padding: int | None = None
    flip: bool | None = None
    mean: Channels | None = None
    std: Channels | None = None
    measured: bool = False
    jitter: bool = True
    workers: int = 4
    broken_images: Literal["refuse", "skip"] = "refuse"
    image_size: int = 0
    image_limit: int = 0


class ResidentFeed(Feed):
    """Batches of images that are stored on the device.

    Random numbers are drawn for whole batches on the CPU, so every process draws the same numbers and uses its part.

    Args:
        data: the images.
        augmenter: of these images.
        generator: draws the orders of training passes.
        train: whether to augment; test images keep their own order.
    """

    def __init__(self, data: ImageSet, augmenter: Augmenter, generator: torch.Generator, train: bool) -> None:
        stream = IndexStream(torch.arange(len(data)), generator if train else None)
        super().__init__(stream, classes=data.classes, size=data.size, mean=augmenter.mean, std=augmenter.std)
        self._skipped = len(data.skipped)
        self._augmenter, self._training = augmenter, train
        self._inputs = StaticInputs(data.images.device)

    @property
    def skipped(self) -> int:
        """The number of broken files that were left out when the folder was decoded."""
        return self._skipped

    def next(self) -> list[tuple[Tensor, Tensor]]:
        """Return this process's pieces of the next batch."""
        indices = self._stream.next(self._batch)
        parts = indices.tensor_split(self._pieces)
        mine = [piece for piece in self._mine if len(parts[piece])]
        if not self._training:
            return [self._augmenter.plain(self._inputs.fill(parts[piece], piece)) for piece in mine]
        draws = self._augmenter.draw(len(indices)).tensor_split(self._pieces, dim=1)
        numbers = [self._augmenter.numbers(parts[piece], draws[piece]) for piece in mine]
        return [
            self._augmenter.augment(self._inputs.fill(of_piece, piece))
            for piece, of_piece in zip(mine, numbers, strict=True)
        ]

    def state(self) -> dict[str, Any]:
        """Return the order and the position."""
        return self._stream.state()

    def load(self, state: dict[str, Any]) -> None:
        """Restore a saved state."""
        self._stream.load(state)


def open_feeds(source: Source, dataset: Dataset, options: FeedOptions, runtime: Runtime) -> tuple[Feed, Feed]:
    """Return the feeds of the training and of the test images; afterwards ``source.size`` is their size.

    Raises:
        UsageError: options that do not fit together.
        EnvironmentLacksError: images are missing, or one is broken.
    """
    if options.augmentation == "imagenet":
        return _streaming(source, dataset, options, runtime)
    train, test = (
        source(
            part,
            size=options.image_size,
            limit=options.image_limit,
            skip_broken=options.broken_images == "skip",
        )
        for part in ("train", "test")
    )
    mean, std = train.measured() if options.measured else (options.mean or dataset.mean, options.std or dataset.std)
    padding = dataset.crop_padding if options.crop_padding is None else options.crop_padding
    flip = dataset.flip if options.flip is None else options.flip
    generator = runtime.generator("augmentation")

    def feed(data: ImageSet, training: bool) -> ResidentFeed:
        augmenter = Augmenter(
            data,
            mean=mean,
            std=std,
            crop_padding=padding if training else 0,
            flip=flip and training,
            cutout_length=options.cutout_length if training else 0,
            generator=generator,
        )
        return ResidentFeed(data, augmenter, runtime.generator("training batches"), training)

    return feed(train, True), feed(test, False)


def listed(source: Source, dataset: Dataset, part: str) -> Listing:
    """Return the files of a part of a data set, for streaming.

    Raises:
        UsageError: it is not an image folder.
        EnvironmentLacksError: the part is missing or cannot be read.
    """
    listing = list_images(streamed_folder(dataset, source.root), part)
    if part == "train":
        source.examine(sample(listing))
    return listing


def _streaming(source: Source, dataset: Dataset, options: FeedOptions, runtime: Runtime) -> tuple[Feed, Feed]:
    train, test = (listed(source, dataset, part) for part in ("train", "test"))
    source.size = size = options.image_size or streaming.SIZE
    mean, std = options.mean or dataset.mean, options.std or dataset.std
    if options.measured:
        mean, std = streaming.measured(train, size, source.root / "folders")

    def feed(training: bool) -> StreamingFeed:
        chosen = limited(train.labels, options.image_limit, runtime.generator("image limit")) if training else None
        return StreamingFeed(
            train if training else test,
            size=size,
            mean=mean,
            std=std,
            device=runtime.device,
            seed=runtime.seed,
            generator=runtime.generator("training batches") if training else None,
            flip=dataset.flip if options.flip is None else options.flip,
            jitter=options.jitter,
            workers=options.workers,
            broken_images=options.broken_images,
            indices=chosen,
        )

    return feed(True), feed(False)
