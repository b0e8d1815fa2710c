"""Decodes image files and transforms them one by one, in separate processes."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from multiprocessing.context import BaseContext
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from engine.core.seeds import seed_of
from engine.data.listing import Listing, open_image
from runs.errors import EnvironmentLacksError

RESIZED, CROPPED = 256, 224  # the papers resize the short side to 256 pixels and crop the central 224
AHEAD = 2  # the number of tasks that each process works ahead

# A task for a process: the number of the pass, and indices of images.
Task = tuple[int, list[int]]
# Its result: uint8 images [n, H, W, 3], their indices [n], and (index, error) of broken images.
Share = tuple[Tensor, Tensor, list[tuple[int, str]]]


class Shares(Dataset[Share]):
    """Makes the shares of tasks, in any process.

    The randomness of an image depends only on the seed of the run, the number of the pass and the index of the image,
    and so neither on the task nor on the process.

    Args:
        listing: the files.
        transform: maps an image to one of ``size`` pixels a side.
        size: that size.
        seed: of the run.
    """

    def __init__(self, listing: Listing, transform: nn.Module, size: int, seed: int) -> None:
        self._base, self._transform, self._seed = listing.base, transform, seed
        self._nothing = torch.empty(0, size, size, 3, dtype=torch.uint8)
        # All names are in one tensor, which processes share; a million strings would be copied into each process.
        names = [name.encode("utf-8", "surrogateescape") for name in listing.files]
        self._text = torch.frombuffer(bytearray(b"".join(names)), dtype=torch.uint8)
        self._ends = torch.tensor([len(name) for name in names]).cumsum(0)

    def __getitem__(self, task: Task) -> Share:
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
        """Apply the transform, which draws from torch's global generator, and restore the generator's state."""
        generator = torch.default_generator
        state = generator.get_state()
        generator.manual_seed(seed_of(seed))
        try:
            transformed: Image.Image = self._transform(image)
        finally:
            generator.set_state(state)
        return transformed

    def _name(self, index: int) -> str:
        begin = int(self._ends[index - 1]) if index else 0
        name = bytes(self._text[begin : int(self._ends[index])].tolist())
        return name.decode("utf-8", "surrogateescape")


class Decoder:
    """Returns the shares of tasks in order; some are made ahead.

    Args:
        shares: makes them.
        workers: the number of processes; 0 for this one.
        pinned: whether the images go to a GPU.
        lasting: whether the processes stay when all tasks are done; starting them takes seconds.
    """

    def __init__(self, shares: Shares, *, workers: int, pinned: bool, lasting: bool = True) -> None:
        # The loader must not refer back to this object. If only the garbage collector could free it, its queues would
        # be destroyed before it tells its processes to end, and it would wait five seconds for each.
        self._sampler = _Sampler()
        # A process forked from this one would inherit its locks, including the run's, and the state of its threads.
        context = _forkserver() if workers else None
        self._loader = DataLoader(
            shares,
            batch_size=None,
            sampler=self._sampler,
            collate_fn=_unchanged,
            num_workers=workers,
            prefetch_factor=AHEAD if workers else None,
            persistent_workers=lasting and workers > 0,
            multiprocessing_context=context,
            worker_init_fn=_follow_engine,
            pin_memory=pinned,
            # Without it each start would draw from the global generator, whose state belongs to the run.
            generator=torch.Generator(),
        )
        self._made: Iterator[Share] | None = None

    @property
    def begun(self) -> bool:
        """Whether there are tasks."""
        return self._made is not None

    def begin(self, tasks: Iterable[Task]) -> None:
        """Start these tasks instead of the current ones; results made ahead are dropped."""
        self._sampler.tasks = tasks
        with _death_of_workers():
            self._made = iter(self._loader)

    def drop(self) -> None:
        """Drop all tasks."""
        self._made = None

    def next(self) -> Share:
        """Return the share of the next task.

        Raises:
            EnvironmentLacksError: a decoding process died.
        """
        assert self._made is not None
        with _death_of_workers():
            return next(self._made)


def testing(size: int) -> nn.Module:
    """Return the transform of a test image: resize it, and crop the centre."""
    from torchvision.transforms import v2

    whole: nn.Module = v2.Compose([v2.Resize(round(size * RESIZED / CROPPED)), v2.CenterCrop(size)])
    return whole


def training(size: int, flip: bool, jitter: bool) -> nn.Module:
    """Return the transform of a training image: random resized crop (area 0.08 to 1), flip, colour jitter."""
    from torchvision.transforms import v2

    steps: list[nn.Module] = [v2.RandomResizedCrop(size, scale=(0.08, 1.0))]
    if flip:
        steps.append(v2.RandomHorizontalFlip())
    if jitter:
        steps.append(v2.ColorJitter(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.2))
    whole: nn.Module = v2.Compose(steps)
    return whole


class _Sampler:
    """Yields the current tasks at each start of the loader."""

    tasks: Iterable[Task] = ()

    def __iter__(self) -> Iterator[Task]:
        return iter(self.tasks)


@contextlib.contextmanager
def _death_of_workers() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise EnvironmentLacksError(
            f"A process that decodes images died: {str(error).splitlines()[0]}",
            "Set fewer workers, or give them more memory (in a container, more /dev/shm).",
        ) from error


def _forkserver() -> BaseContext:
    context = multiprocessing.get_context("forkserver")
    # So that the server imports torch and torchvision once, instead of every process; and finds our packages first.
    context.set_forkserver_preload(["nastui_start", __name__, "torchvision.transforms.v2"])
    return context


def _unchanged(share: Any) -> Any:
    return share


def _follow_engine(worker: int) -> None:
    """Leave interrupts to the engine, which ends its processes itself, and exit if the engine is killed.

    Torch's own watchdog watches the parent process. Here that is the fork server, which lives as long as its workers.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    engine = multiprocessing.parent_process()
    assert engine is not None

    def end() -> None:
        engine.join()
        os._exit(1)

    threading.Thread(target=end, daemon=True).start()
