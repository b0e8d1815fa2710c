"""The images of a search, in memory or streamed from their files, loaded by index."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Protocol

import torch
from torch import Tensor

from engine.core.runtime import Runtime
from engine.core.static_inputs import StaticInputs
from engine.data import feeds, streaming
from engine.data.augment import Augmenter
from engine.data.batches import IndexStream
from engine.data.decoding import Decoder, Shares, Task, testing, training
from engine.data.images import ImageSet, limited
from engine.data.listing import Listing
from engine.data.normalise import Normaliser, as_images
from engine.data.sources import Source
from runs.catalogue import Dataset
from runs.catalogue.shared_settings import DataSettings, StreamSettings
from runs.errors import EnvironmentLacksError

# From numbers of all images of a batch [..., B] to those of the images that this process loads.
Cut = Callable[[Tensor], Tensor]


def whole(numbers: Tensor) -> Tensor:
    """Load all images of a batch."""
    return numbers


class BatchLoader(ABC):
    """Loads batches in two steps: the host draws and sends numbers, the device turns them into images.

    Of several processes, each loads only its share of a batch. An image depends neither on their number nor on which
    one loads it.

    The numbers are stored at fixed addresses on a GPU, so that a captured step can read those of the next batch.
    """

    def ready(self) -> bool:
        """Return whether the next batch is there, or can be made by this process, after a wait of at most a second."""
        return True

    @abstractmethod
    def prepare(self, indices: Tensor) -> None:
        """Draw for a batch, and send what the device needs.

        Args:
            indices: int64 [B], on the CPU.
        """

    @abstractmethod
    def load(self) -> tuple[Tensor, Tensor]:
        """Return the prepared images, float32 [B, 3, H, W], and labels [B]: device work only."""

    def __call__(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Prepare and load a batch."""
        self.prepare(indices)
        return self.load()


class SearchImages(Protocol):
    """One part of a data set.

    Attributes:
        labels: int64 [N], on the CPU.
    """

    labels: Tensor

    def training(self, stream: IndexStream, batch: int, cut: Cut = whole) -> BatchLoader:
        """Return a loader that augments the batches of a stream, usually of ``batch`` images."""

    def testing(self, stream: IndexStream, batch: int, cut: Cut = whole) -> BatchLoader:
        """Return a loader of the same images without augmentation."""


class ResidentImages:
    """Images that are stored on the device. See :class:`SearchImages`.

    Args:
        data: the images.
        augmenter: of these images.
    """

    def __init__(self, data: ImageSet, augmenter: Augmenter) -> None:
        self.labels = data.labels.cpu()
        self._augmenter = augmenter
        self._device = data.images.device

    def training(self, stream: IndexStream, batch: int, cut: Cut = whole) -> BatchLoader:
        """Return a loader that augments."""
        return _Augmented(self._augmenter, self._device, cut)

    def testing(self, stream: IndexStream, batch: int, cut: Cut = whole) -> BatchLoader:
        """Return a loader that normalises."""
        return _Plain(self._augmenter, self._device, cut)


class _Augmented(BatchLoader):
    """Batches of resident images, augmented. The numbers are drawn for the whole batch, then cut."""

    def __init__(self, augmenter: Augmenter, device: torch.device, cut: Cut) -> None:
        self._augmenter, self._inputs, self._cut = augmenter, StaticInputs(device), cut

    def prepare(self, indices: Tensor) -> None:
        self._numbers = self._inputs.fill(self._cut(self._augmenter.numbers(indices)))

    def load(self) -> tuple[Tensor, Tensor]:
        return self._augmenter.augment(self._numbers)


class _Plain(BatchLoader):
    """Batches of resident images, without augmentation."""

    def __init__(self, augmenter: Augmenter, device: torch.device, cut: Cut) -> None:
        self._augmenter, self._inputs, self._cut = augmenter, StaticInputs(device), cut

    def prepare(self, indices: Tensor) -> None:
        self._index = self._inputs.fill(self._cut(indices))

    def load(self) -> tuple[Tensor, Tensor]:
        return self._augmenter.plain(self._index)


class StreamedImages:
    """Images of a folder that is too large for the memory. See :class:`SearchImages`.

    A training image is a random resized crop, mirrored half of the time, as in the searches on ImageNet
    (docs/methods/drnas.md, "Data");
    a test image is resized to a short side of 256 pixels for 224, and cropped at the centre.

    Args:
        listing: the files.
        dataset: gives mean, deviation and whether to mirror.
        size: side in pixels.
        runtime: device and seed.
        workers: the number of processes that decode; 0 for this one. The two streams of a search share them.
    """

    def __init__(self, listing: Listing, dataset: Dataset, *, size: int, runtime: Runtime, workers: int) -> None:
        self.labels = listing.labels
        self._listing, self._dataset = listing, dataset
        self._size, self._runtime, self._workers = size, runtime, workers
        self._normalise = Normaliser(dataset.mean, dataset.std, size, runtime.device)

    def training(self, stream: IndexStream, batch: int, cut: Cut = whole) -> BatchLoader:
        """Return a loader that decodes the next batches of a stream while the search works."""
        shares = Shares(
            self._listing, training(self._size, self._dataset.flip, jitter=False), self._size, self._runtime.seed
        )
        workers = math.ceil(self._workers / 2)
        return _Streamed(self, stream, batch, workers, Decoder(shares, workers=workers, pinned=self._pinned), cut)

    def testing(self, stream: IndexStream, batch: int, cut: Cut = whole) -> BatchLoader:
        """Return a loader of test images, whose processes live as long as a pass."""
        shares = Shares(self._listing, testing(self._size), self._size, self._runtime.seed)
        decoder = Decoder(shares, workers=self._workers, pinned=self._pinned, lasting=False)
        return _Streamed(self, stream, batch, self._workers, decoder, cut)

    def normalised(self, pixels: list[Tensor]) -> Tensor:
        """Return decoded bytes [n, H, W, 3] on the device as one batch of images."""
        return as_images(self._normalise(torch.cat(pixels).flatten(2)))

    def inputs(self) -> StaticInputs:
        """Return the inputs of a loader."""
        return StaticInputs(self._runtime.device)

    @property
    def _pinned(self) -> bool:
        return self._runtime.device.type == "cuda"


class _Streamed(BatchLoader):
    """Batches of a stream; the following ones are decoded in the background."""

    def __init__(
        self, images: StreamedImages, stream: IndexStream, batch: int, workers: int, decoder: Decoder, cut: Cut
    ) -> None:
        self._images, self._stream, self._batch, self._decoder = images, stream, batch, decoder
        self._cut = cut
        self._inputs = images.inputs()
        # All workers share a batch: otherwise the first batch of a pass would take as long as one worker needs for it.
        self._shared = len(cut(torch.arange(batch)))
        self._piece = math.ceil(self._shared / max(1, workers))
        self._coming: Iterator[Tensor] = iter(())
        self._pass = 0

    def ready(self) -> bool:
        if self._pass != self._stream.passes or not len(self._stream.ahead):
            return True  # the next batch begins a pass, whose order is not known yet
        return self._decoder.ready(math.ceil(self._shared / self._piece))

    def prepare(self, indices: Tensor) -> None:
        expected = next(self._coming, None)
        if self._pass != self._stream.passes or expected is None or not torch.equal(expected, indices):
            self._expect(indices)
        own = self._cut(indices)
        made = [self._decoder.next() for _ in own.split(self._piece)]
        if faults := [fault for _, _, broken in made for _, fault in broken]:
            raise EnvironmentLacksError(faults[0])
        if not len(self._stream.ahead):
            self._decoder.drop()
        self._labels = self._inputs.fill(self._images.labels[own], slot=-1)
        self._pixels = [self._inputs.fill(pixels, slot) for slot, (pixels, _, _) in enumerate(made)]

    def load(self) -> tuple[Tensor, Tensor]:
        return self._images.normalised(self._pixels), self._labels

    def _expect(self, indices: Tensor) -> None:
        """Request these images, and after them the batches that the stream will probably give."""
        number, batches = self._stream.passes, (indices, *self._stream.ahead.split(self._batch))
        self._pass, self._coming = number, iter(batches[1:])
        self._decoder.begin(_tasks(number, batches, self._cut, self._piece))


def _tasks(number: int, batches: tuple[Tensor, ...], cut: Cut, size: int) -> Iterator[Task]:
    """Yield the pieces of each batch. It refers to no loader, so that a :class:`Decoder` can be freed."""
    for batch in batches:
        for piece in cut(batch).split(size):
            yield number, piece.tolist()


def open_images(source: Source, dataset: Dataset, settings: DataSettings, runtime: Runtime, part: str) -> SearchImages:
    """Return the ``train`` or ``test`` part of a search's data set; afterwards ``source.size`` is its size.

    Raises:
        UsageError: the data set is to be streamed but is not an image folder.
        EnvironmentLacksError: the images are missing, or one is broken.
    """
    if isinstance(settings, StreamSettings) and settings.augmentation == "imagenet":
        listing = feeds.listed(source, dataset, part)
        if part == "train":
            listing = listing.only(limited(listing.labels, settings.image_limit, runtime.generator("image limit")))
        source.size = settings.image_size or streaming.SIZE
        return StreamedImages(listing, dataset, size=source.size, runtime=runtime, workers=settings.workers)
    data = source(part)
    augmenter = Augmenter(
        data,
        mean=dataset.mean,
        std=dataset.std,
        crop_padding=dataset.crop_padding,
        flip=dataset.flip,
        cutout_length=settings.cutout_length,
        generator=runtime.generator("augmentation"),
    )
    return ResidentImages(data, augmenter)
