"""Batches of image folders too large for the memory: decoded and augmented one by one in processes of their own."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from engine.data.batches import IndexStream
from engine.data.listing import Listing, open_image
from engine.data.normalise import Normaliser, as_images
from engine.data.statistics import Channels, PixelSums
from runs.errors import EnvironmentLacksError
from runs.files import replace_text

SIZE = 224
RESIZED, CROPPED = 256, 224  # the papers resize the short side to 256 pixels and cut 224 out of its middle
NAMED = 5  # broken files that are named; the rest is counted
SAMPLE = 4096  # images that stand for all of a stream when statistics are measured
AHEAD = 2  # batches that each process works ahead

# A share of a batch, as a process makes it: uint8 [n, H, W, 3], the indices [n], and (index, fault) of what is broken.
Share = tuple[Tensor, Tensor, list[tuple[int, str]]]


class StreamingFeed:
    """Batches of an image folder. See :class:`engine.data.feeds.Feed`.

    Training images: random resized crop (area 0.08 to 1), flip, colour jitter. Test images: short side to 256 pixels
    for 224, centre crop. What is random in an image comes from a seed made of the run's, the number of the pass and the
    image's index: so it depends neither on the batch nor on the process, and a resumed pass goes on bit for bit.

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
        self._pass = 0
        self._broken: set[int] = set()
        self._batch, self._pieces = 1, 1
        self._mine: tuple[int, ...] = (0,)
        # A process forked from this one would hold its locks, the run's among them, and its threads' state.
        context = _forkserver() if workers else None
        transform = _training(size, flip, jitter) if generator is not None else testing(size)
        self._loader = DataLoader(
            _Shares(listing, transform, size, seed),
            batch_size=None,
            sampler=_Sampler(self._tasks),
            collate_fn=_unchanged,
            num_workers=workers,
            prefetch_factor=AHEAD if workers else None,
            persistent_workers=workers > 0,
            multiprocessing_context=context,
            worker_init_fn=_belong_to_engine,
            pin_memory=device.type == "cuda",
            # Else each pass would draw from the global generator, whose state is the run's.
            generator=torch.Generator(),
        )
        self._shares: Iterator[Share] | None = None

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
            self._shares = None

    def start(self) -> None:
        """Begin a pass."""
        self._stream.start()
        self._pass += 1
        self._shares = None

    def next(self) -> list[tuple[Tensor, Tensor]]:
        """Return my pieces of the next batch: float32 [B, 3, H, W] in channels-last memory, and labels [B].

        Raises:
            EnvironmentLacksError: a file is broken and not to be skipped, or a decoding process died.
        """
        try:
            if self._shares is None:
                self._shares = iter(self._loader)
            pixels, kept, broken = next(self._shares)
        except RuntimeError as error:
            raise EnvironmentLacksError(
                f"A process that decodes images died: {str(error).splitlines()[0]}",
                "Set fewer workers, or give them more memory (in a container, more /dev/shm).",
            ) from error
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
        return {"stream": self._stream.state(), "pass": self._pass, "broken": sorted(self._broken)}

    def load(self, state: dict[str, Any]) -> None:
        """Go on where :meth:`state` was taken."""
        self._stream.load(state["stream"])
        self._pass, self._broken = state["pass"], set(state["broken"])
        self._shares = None

    def _tasks(self) -> Iterator[tuple[int, list[int]]]:
        """Yield (pass, indices) of my share of each batch to come."""
        for batch in self._stream.ahead.split(self._batch):
            parts = batch.tensor_split(self._pieces)
            yield self._pass, torch.cat([parts[place] for place in self._mine]).tolist()


def testing(size: int) -> v2.Transform:
    """Return what makes a test image: the whole of it, small, and the middle of that."""
    return v2.Compose([v2.Resize(round(size * RESIZED / CROPPED)), v2.CenterCrop(size)])


def measured(listing: Listing, size: int, folder: Path) -> tuple[Channels, Channels]:
    """Return mean and deviation per channel of the images as a test shows them, of values in 0..1.

    Of many images a fixed sample stands for all; what it gave is kept in ``folder``.

    Raises:
        EnvironmentLacksError: no image of the sample can be read.
    """
    places = torch.randperm(len(listing.files), generator=torch.Generator().manual_seed(0))[:SAMPLE].tolist()
    sample = Listing(listing.base, tuple(listing.files[place] for place in places), listing.labels, listing.classes)
    kept = folder / f"{sample.fingerprint('statistics', size)}.json"
    if not kept.exists():
        shares, sums = _Shares(sample, testing(size), size, 0), PixelSums()
        for place in range(len(places)):
            sums.add(shares[0, [place]][0])
        if not sums.pixels:
            raise EnvironmentLacksError(f"'{listing.base}' holds no image that can be read.")
        folder.mkdir(parents=True, exist_ok=True)
        replace_text(kept, json.dumps(sums.statistics()))
    (r, g, b), (red, green, blue) = json.loads(kept.read_text())
    return (r, g, b), (red, green, blue)


def _training(size: int, flip: bool, jitter: bool) -> v2.Transform:
    steps: list[v2.Transform] = [v2.RandomResizedCrop(size, scale=(0.08, 1.0))]
    if flip:
        steps.append(v2.RandomHorizontalFlip())
    if jitter:
        steps.append(v2.ColorJitter(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.2))
    return v2.Compose(steps)


class _Shares(Dataset[Share]):
    """Makes shares of batches, in whichever process; asked with (pass, indices)."""

    def __init__(self, listing: Listing, transform: v2.Transform, size: int, seed: int) -> None:
        self._base, self._transform, self._seed = listing.base, transform, seed
        self._nothing = torch.empty(0, size, size, 3, dtype=torch.uint8)
        # Names as one tensor, which processes share: a million strings would be copied into each of them.
        names = [name.encode("utf-8", "surrogateescape") for name in listing.files]
        self._text = torch.frombuffer(bytearray(b"".join(names)), dtype=torch.uint8)
        self._ends = torch.tensor([len(name) for name in names]).cumsum(0)

    def __getitem__(self, task: tuple[int, list[int]]) -> Share:
        number, indices = task
        images, kept, broken = [], [], []
        for index in indices:
            try:
                image = open_image(self._base / self._name(index))
            except EnvironmentLacksError as error:
                broken.append((index, str(error)))
                continue
            images.append(np.asarray(self._transformed(image, f"{self._seed}/{number}/{index}")))
            kept.append(index)
        pixels = torch.from_numpy(np.stack(images)) if images else self._nothing
        return pixels, torch.tensor(kept, dtype=torch.int64), broken

    def _transformed(self, image: Image.Image, seed: str) -> Image.Image:
        """Apply the transform, whose draws come from torch's global generator, and leave that as it was."""
        generator = torch.default_generator
        state = generator.get_state()
        generator.manual_seed(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "little") >> 1)
        try:
            transformed: Image.Image = self._transform(image)
        finally:
            generator.set_state(state)
        return transformed

    def _name(self, index: int) -> str:
        begin = int(self._ends[index - 1]) if index else 0
        name = bytes(self._text[begin : int(self._ends[index])].tolist())
        return name.decode("utf-8", "surrogateescape")


class _Sampler:
    """Asks for the tasks anew at each pass."""

    def __init__(self, tasks: Any) -> None:
        self._tasks = tasks

    def __iter__(self) -> Iterator[tuple[int, list[int]]]:
        return self._tasks()  # type: ignore[no-any-return]


def _forkserver() -> BaseContext:
    context = multiprocessing.get_context("forkserver")
    # Torch is imported once, by the server, and not by every process.
    context.set_forkserver_preload([__name__])
    return context


def _unchanged(share: Any) -> Any:
    return share


def _belong_to_engine(worker: int) -> None:
    """Leave interrupts to the engine, which ends its processes itself; and end with it if it is killed.

    Torch's own watch looks for the death of the parent, which is the server here, and that lives as long as we do.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    engine = multiprocessing.parent_process()
    assert engine is not None

    def end() -> None:
        engine.join()
        os._exit(1)

    threading.Thread(target=end, daemon=True).start()
