"""Batches of image folders that are too large for the memory, decoded when they are needed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from engine.core import activity
from engine.data.batches import IndexStream
from engine.data.decoding import Decoder, Shares, Task, testing, training
from engine.data.feed import Feed
from engine.data.listing import Listing
from engine.data.normalise import Normaliser, as_images
from engine.data.statistics import Channels, PixelSums, as_channels
from runs.errors import EnvironmentLacksError
from runs.files import replace_text

SIZE = 224
SAMPLE = 4096  # the number of images that the statistics of a stream are measured on


class StreamingFeed(Feed):
    """Batches of an image folder.

    Training images: random resized crop (area 0.08 to 1), flip, colour jitter. Test images: short side to 256 pixels
    for 224, centre crop. The randomness of an image depends on the run, the number of the pass and the image, not on
    the batch or the process, so a resumed pass continues bit for bit.

    Args:
        listing: the files.
        size: side in pixels.
        mean, std: per channel, of values in 0..1.
        device: of the batches; images are copied to it as bytes and normalised there.
        seed: of the run.
        generator: draws the orders of training passes; None for test images.
        flip: whether to mirror half of the training images.
        jitter: whether to jitter the colours of training images.
        workers: the number of processes that decode; 0 for this one.
        broken_images: what to do with a file that cannot be read.
        indices: the images of the listing to use; all by default.
    """

    def __init__(
        self,
        listing: Listing,
        *,
        size: int,
        mean: Channels,
        std: Channels,
        device: torch.device,
        seed: int,
        generator: torch.Generator | None,
        flip: bool = True,
        jitter: bool = True,
        workers: int = 0,
        broken_images: Literal["refuse", "skip"] = "refuse",
        indices: Tensor | None = None,
    ) -> None:
        indices = torch.arange(len(listing.files)) if indices is None else indices
        super().__init__(IndexStream(indices, generator), classes=listing.classes, size=size, mean=mean, std=std)
        self._listing, self._device, self._refuse = listing, device, broken_images == "refuse"
        self._normalise = Normaliser(mean, std, size, device)
        self._broken: set[int] = set()
        transform = training(size, flip, jitter) if generator is not None else testing(size)
        shares = Shares(listing, transform, size, seed)
        self._decoder = Decoder(shares, workers=workers, pinned=device.type == "cuda")

    @property
    def skipped(self) -> int:
        """The number of broken files that this process has found and left out."""
        return len(self._broken)

    def cut(self, batch: int, pieces: int = 1, mine: Sequence[int] = (0,)) -> None:
        """Set how the following batches are made. If that changes, images decoded ahead are dropped."""
        before = self._batch, self._pieces, self._mine
        super().cut(batch, pieces, mine)
        if before != (self._batch, self._pieces, self._mine):
            self._decoder.drop()

    def start(self) -> None:
        """Begin a pass."""
        super().start()
        self._decoder.drop()

    def ready(self) -> bool:
        """Return whether the next batch has been decoded, or can be decoded by this process."""
        return self._decoder.ready()

    def next(self) -> list[tuple[Tensor, Tensor]]:
        """Return this process's pieces of the next batch.

        Raises:
            EnvironmentLacksError: a file is broken and must not be skipped, or a decoding process died.
        """
        if not self._decoder.begun:
            self._decoder.begin(_tasks(self._stream, self._batch, self._pieces, self._mine))
        pixels, kept, broken = self._decoder.next()
        if broken and self._refuse:
            raise EnvironmentLacksError(broken[0][1])
        self._broken.update(index for index, _ in broken)
        parts = self._stream.next(self._batch).tensor_split(self._pieces)
        lengths = [int(torch.isin(parts[piece], kept).sum()) for piece in self._mine]
        images = as_images(self._normalise(pixels.to(self._device, non_blocking=True).flatten(2)))
        labels = self._listing.labels[kept].to(self._device, non_blocking=True)
        pieces = zip(images.split(lengths), labels.split(lengths), strict=True)
        return [piece for piece in pieces if len(piece[1])]

    def state(self) -> dict[str, Any]:
        """Return the order, the position, the number of the pass and what was skipped."""
        return {"stream": self._stream.state(), "broken": sorted(self._broken)}

    def load(self, state: dict[str, Any]) -> None:
        """Restore a saved state."""
        self._stream.load(state["stream"])
        self._broken = set(state["broken"])
        self._decoder.drop()


def _tasks(stream: IndexStream, batch: int, pieces: int, mine: Sequence[int]) -> Iterator[Task]:
    """Yield the share of each coming batch. It must not refer to the feed, see :class:`Decoder`."""
    for images in stream.ahead.split(batch):
        parts = images.tensor_split(pieces)
        yield stream.passes, torch.cat([parts[piece] for piece in mine]).tolist()


def measured(listing: Listing, size: int, folder: Path) -> tuple[Channels, Channels]:
    """Return mean and standard deviation of the images per channel as prepared for a test, of values in 0..1.

    Large sets are measured on a fixed sample; the result is kept in ``folder``.

    Raises:
        EnvironmentLacksError: no image of the sample can be read.
    """
    sample = listing.only(torch.randperm(len(listing.files), generator=torch.Generator().manual_seed(0))[:SAMPLE])
    kept = folder / f"{sample.fingerprint('statistics', size)}.json"
    if not kept.exists():
        shares, sums = Shares(sample, testing(size), size, 0), PixelSums()
        with activity.during("measuring a sample of the images"):
            for index in range(len(sample.files)):
                activity.go_on()
                sums.add(shares[0, [index]][0])
        if not sums.pixels:
            raise EnvironmentLacksError(f"'{listing.base}' has no image that can be read.")
        folder.mkdir(parents=True, exist_ok=True)
        replace_text(kept, json.dumps(sums.statistics()))
    mean, std = json.loads(kept.read_text())
    return as_channels(mean), as_channels(std)
