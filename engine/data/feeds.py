"""Feeds: the batches that training a network consumes, of images in memory or streamed from files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from engine.core.runtime import Runtime
from engine.data import streaming
from engine.data.augment import Augmenter
from engine.data.batches import IndexStream
from engine.data.images import ImageSet, limited
from engine.data.listing import Listing, list_images
from engine.data.sources import Source
from engine.data.statistics import Channels
from engine.data.streaming import NAMED, StreamingFeed
from runs.catalogue import Dataset
from runs.store.datasets import streamed_folder


class Feed(Protocol):
    """Batches of one part of a data set. A batch is drawn as a whole, cut into pieces, and only my pieces are made.

    Piece j of a batch is ``torch.tensor_split(indices, pieces)[j]``. What an image becomes depends neither on how its
    batch is cut nor on which process makes it.

    Attributes:
        classes: class names, by label.
        size: side of the images in pixels.
        mean, std: by which images are normalised, per channel, of values in 0..1.
    """

    classes: tuple[str, ...]
    size: int
    mean: Channels
    std: Channels

    def __len__(self) -> int:
        """Return the number of images in a pass."""

    @property
    def left(self) -> int:
        """Images of this pass that have not been given yet."""

    @property
    def skipped(self) -> int:
        """Broken files that were left out."""

    @property
    def skipped_files(self) -> list[str]:
        """The first few of them."""

    def cut(self, batch: int, pieces: int = 1, mine: Sequence[int] = (0,)) -> None:
        """Say how the batches that follow are made. May be called at any time, also inside a pass.

        Args:
            batch: images in a batch, over all processes.
            pieces: into how many pieces it is cut, over all processes.
            mine: the pieces that this process wants.
        """

    def start(self) -> None:
        """Begin a pass: in a new order for training, in the same order for a test."""

    def next(self) -> list[tuple[Tensor, Tensor]]:
        """Return my pieces of the next batch: float32 images [B, 3, H, W] and int64 labels [B], on the device.

        The last batch of a pass may be short; pieces without an image are left out.
        """

    def state(self) -> dict[str, Any]:
        """Return the order and the position in it; generators belong to the runtime."""

    def load(self, state: dict[str, Any]) -> None:
        """Go on where :meth:`state` was taken."""


@dataclass(frozen=True)
class FeedOptions:
    """How images become batches.

    Attributes:
        augmentation: ``crop`` keeps small images on the device, pads, crops and flips them; ``imagenet`` streams
            random resized crops, flips and colour jitter from an image folder.
        cutout_length: side of the square that is blanked; only for ``crop``.
        crop_padding: black pixels around the image before the crop; None: the data set's.
        flip: whether half of the training images are mirrored; None: the data set's.
        mean, std: per channel, of values in 0..1; None: the data set's.
        measured: take mean and std of the training images themselves.
        jitter: whether streamed images have their colours jittered.
        workers: processes that decode streamed images; 0: this one.
        broken_images: stop at a file that cannot be read, or leave it out and count it.
        image_size: side in pixels; 0: the data set's own, or 224 for streamed images.
        image_limit: use only so many training images, the same share of every class; 0: all.
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


class ResidentFeed:
    """Batches of images that lie on the device. See :class:`Feed`.

    Random numbers are drawn for whole batches on the CPU, so every process draws the same and takes its part.

    Args:
        data: the images.
        augmenter: of these images.
        generator: orders the passes of training.
        train: whether to augment; test images come in their own order.
    """

    def __init__(self, data: ImageSet, augmenter: Augmenter, generator: torch.Generator, train: bool) -> None:
        self.classes, self.size = data.classes, data.size
        self._files = data.skipped
        self.mean, self.std = augmenter.mean, augmenter.std
        self._augmenter, self._training = augmenter, train
        self._stream = IndexStream(torch.arange(len(data)), generator if train else None)
        self._batch, self._pieces = 1, 1
        self._mine: tuple[int, ...] = (0,)

    def __len__(self) -> int:
        return len(self._stream)

    @property
    def left(self) -> int:
        """Images of this pass that have not been given yet."""
        return len(self._stream.ahead)

    @property
    def skipped(self) -> int:
        """Broken files that were left out when the folder was decoded."""
        return len(self._files)

    @property
    def skipped_files(self) -> list[str]:
        """The first few of them."""
        return list(self._files[:NAMED])

    def cut(self, batch: int, pieces: int = 1, mine: Sequence[int] = (0,)) -> None:
        """Say how the batches that follow are made."""
        self._batch, self._pieces, self._mine = batch, pieces, tuple(mine)

    def start(self) -> None:
        """Begin a pass."""
        self._stream.start()

    def next(self) -> list[tuple[Tensor, Tensor]]:
        """Return my pieces of the next batch."""
        indices = self._stream.next(self._batch)
        parts = indices.tensor_split(self._pieces)
        if not self._training:
            return [self._augmenter.test(parts[place]) for place in self._mine if len(parts[place])]
        draws = self._augmenter.draw(len(indices)).tensor_split(self._pieces, dim=1)
        return [self._augmenter.train(parts[place], draws[place]) for place in self._mine if len(parts[place])]

    def state(self) -> dict[str, Any]:
        """Return the order and the position."""
        return self._stream.state()

    def load(self, state: dict[str, Any]) -> None:
        """Go on where :meth:`state` was taken."""
        self._stream.load(state)


def open_feeds(source: Source, dataset: Dataset, options: FeedOptions, runtime: Runtime) -> tuple[Feed, Feed]:
    """Return the feeds of the training and of the test images; ``source.size`` is their size afterwards.

    Raises:
        UsageError: options that do not go together.
        EnvironmentLacksError: the images are not there, or one is broken.
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
    """Return the files of a part of a data set that is to be streamed.

    Raises:
        UsageError: it is no image folder.
        EnvironmentLacksError: the part is not there, or cannot be read.
    """
    return list_images(streamed_folder(dataset, source.root), part)


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
