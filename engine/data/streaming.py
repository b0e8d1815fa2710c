"""Batches of image folders too large for the memory: decoded as they are wanted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from engine.data.batches import IndexStream
from engine.data.decoding import Decoder, Shares, Task, testing, training
from engine.data.listing import Listing
from engine.data.normalise import Normaliser, as_images
from engine.data.statistics import Channels, PixelSums
from runs.errors import EnvironmentLacksError
from runs.files import replace_text

SIZE = 224
NAMED = 5  # broken files that are named; the rest is counted
SAMPLE = 4096  # images that stand for all of a stream when statistics are measured


class StreamingFeed:
    """Batches of an image folder. See :class:`engine.data.feeds.Feed`.

    Training images: random resized crop (area 0.08 to 1), flip, colour jitter. Test images: short side to 256 pixels
    for 224, centre crop. What is random in an image depends on the run, the number of the pass and the image: neither
    on the batch nor on the process; so a resumed pass goes on bit for bit.

    Args:
        listing: the files.
        size: side in pixels.
        mean, std: per channel, of values in 0..1.
        device: where batches go; they travel as bytes and are normalised there.
        seed: of the run.
        generator: orders the passes of training; None: these are test images.
        flip: whether to mirror half of the training images.
        jitter: whether to jitter the colours of training images.
        workers: processes that decode; 0: this one.
        broken_images: what to do with a file that cannot be read.
        indices: the images of the listing that take part; all if left out.
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
        self.classes, self.size = listing.classes, size
        self.mean, self.std = mean, std
        self._listing, self._device, self._refuse = listing, device, broken_images == "refuse"
        indices = torch.arange(len(listing.files)) if indices is None else indices
        self._stream = IndexStream(indices, generator)
        self._normalise = Normaliser(mean, std, size, device)
        self._broken: set[int] = set()
        self._batch, self._pieces = 1, 1
        self._mine: tuple[int, ...] = (0,)
        transform = training(size, flip, jitter) if generator is not None else testing(size)
        shares = Shares(listing, transform, size, seed)
        self._decoder = Decoder(shares, workers=workers, pinned=device.type == "cuda")

    def __len__(self) -> int:
        return len(self._stream)

    @property
    def left(self) -> int:
        """Images of this pass that have not been given yet; broken ones count."""
        return len(self._stream.ahead)

    @property
    def skipped(self) -> int:
        """Broken files that this process has met and left out."""
        return len(self._broken)

    @property
    def skipped_files(self) -> list[str]:
        """The first of them."""
        return [str(self._listing.base / self._listing.files[index]) for index in sorted(self._broken)[:NAMED]]

    def cut(self, batch: int, pieces: int = 1, mine: Sequence[int] = (0,)) -> None:
        """Say how the batches that follow are made; what was made ahead in another way is dropped."""
        if (batch, pieces, tuple(mine)) != (self._batch, self._pieces, self._mine):
            self._batch, self._pieces, self._mine = batch, pieces, tuple(mine)
            self._decoder.drop()

    def start(self) -> None:
        """Begin a pass."""
        self._stream.start()
        self._decoder.drop()

    def next(self) -> list[tuple[Tensor, Tensor]]:
        """Return my pieces of the next batch: float32 [B, 3, H, W] in channels-last memory, and labels [B].

        Raises:
            EnvironmentLacksError: a file is broken and not to be skipped, or a decoding process died.
        """
        if not self._decoder.begun:
            self._decoder.begin(_tasks(self._stream, self._batch, self._pieces, self._mine))
        pixels, kept, broken = self._decoder.next()
        if broken and self._refuse:
            raise EnvironmentLacksError(broken[0][1])
        self._broken.update(index for index, _ in broken)
        parts = self._stream.next(self._batch).tensor_split(self._pieces)
        lengths = [int(torch.isin(parts[place], kept).sum()) for place in self._mine]
        images = as_images(self._normalise(pixels.to(self._device, non_blocking=True).flatten(2)))
        labels = self._listing.labels[kept].to(self._device, non_blocking=True)
        cut = zip(images.split(lengths), labels.split(lengths), strict=True)
        return [piece for piece in cut if len(piece[1])]

    def state(self) -> dict[str, Any]:
        """Return the order, the position, the number of the pass and what was skipped."""
        return {"stream": self._stream.state(), "broken": sorted(self._broken)}

    def load(self, state: dict[str, Any]) -> None:
        """Go on where :meth:`state` was taken."""
        self._stream.load(state["stream"])
        self._broken = set(state["broken"])
        self._decoder.drop()


def _tasks(stream: IndexStream, batch: int, pieces: int, mine: Sequence[int]) -> Iterator[Task]:
    """Yield the share of each batch to come. It holds no feed, for the sake of the end (see :class:`Decoder`)."""
    for images in stream.ahead.split(batch):
        parts = images.tensor_split(pieces)
        yield stream.passes, torch.cat([parts[place] for place in mine]).tolist()


def measured(listing: Listing, size: int, folder: Path) -> tuple[Channels, Channels]:
    """Return mean and deviation per channel of the images as a test shows them, of values in 0..1.

    Of many images a fixed sample stands for all; what it gave is kept in ``folder``.

    Raises:
        EnvironmentLacksError: no image of the sample can be read.
    """
    sample = listing.only(torch.randperm(len(listing.files), generator=torch.Generator().manual_seed(0))[:SAMPLE])
    kept = folder / f"{sample.fingerprint('statistics', size)}.json"
    if not kept.exists():
        shares, sums = Shares(sample, testing(size), size, 0), PixelSums()
        for place in range(len(sample.files)):
            sums.add(shares[0, [place]][0])
        if not sums.pixels:
            raise EnvironmentLacksError(f"'{listing.base}' holds no image that can be read.")
        folder.mkdir(parents=True, exist_ok=True)
        replace_text(kept, json.dumps(sums.statistics()))
    (r, g, b), (red, green, blue) = json.loads(kept.read_text())
    return (r, g, b), (red, green, blue)
