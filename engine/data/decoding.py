"""Decodes image files and transforms them one by one, in separate processes."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from multiprocessing import resource_tracker
from multiprocessing.context import BaseContext
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, get_worker_info

from engine.core import activity
from engine.core.seeds import seed_of
from engine.data.listing import Listing, open_image
from runs.errors import EnvironmentLacksError
from runs.formatting import duration

RESIZED, CROPPED = 256, 224  # the papers resize the short side to 256 pixels and crop the central 224
AHEAD = 2  # the number of tasks that each process works ahead
# A process that has delivered nothing for so long is blocked: a file system that does not answer, a suspended process.
BLOCKED_SECONDS = 1800.0
MOST_SECONDS = BLOCKED_SECONDS + 60.0
_POLL_SECONDS = 1.0
_SHARED_MEMORY = "/dev/shm"
_WAITING = "waiting for the processes that decode images"

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
        numbers = torch.tensor(kept, dtype=torch.int64)
        if get_worker_info() is not None:
            # The queue would do it in a thread of its own, and lose the result if there is no room.
            pixels, numbers = pixels.share_memory_(), numbers.share_memory_()
        return pixels, numbers, broken

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
            timeout=BLOCKED_SECONDS if workers else 0,
            # Without it each start would draw from the global generator, whose state belongs to the run.
            generator=torch.Generator(),
        )
        self._made: Iterator[Share] | None = None
        self._held: deque[Share] = deque()
        self._has_workers = workers > 0
        self._waiting_since: float | None = None

    @property
    def begun(self) -> bool:
        """Whether there are tasks."""
        return self._made is not None

    def begin(self, tasks: Iterable[Task]) -> None:
        """Start these tasks instead of the current ones; results made ahead are dropped."""
        self.drop()
        self._sampler.tasks = tasks
        try:
            with _death_of_workers(), activity.during(_WAITING, at_most=MOST_SECONDS):
                self._made = iter(self._loader)
        except _NothingYetError as error:
            raise _blocked(BLOCKED_SECONDS) from error

    def drop(self) -> None:
        """Drop all tasks."""
        self._made, self._waiting_since = None, None
        self._held.clear()

    def ready(self, number: int = 1) -> bool:
        """Return whether the shares of the next tasks are there, or can be made by this process, after a short wait.

        Args:
            number: of tasks. If there are fewer, their shares suffice.

        Raises:
            EnvironmentLacksError: a decoding process died, has no room for its images, or is blocked.
        """
        while self._made is not None and self._has_workers and len(self._held) < number:
            # Even one poll may take for ever: a suspended process may have sent only half of a share.
            activity.wait(_WAITING, MOST_SECONDS)
            # Only here, because a loader that is started again must not be interrupted.
            vars(self._made)["_timeout"] = _POLL_SECONDS
            began = time.monotonic()
            try:
                with _death_of_workers():
                    self._held.append(next(self._made))
            except StopIteration:
                return True
            except _NothingYetError as error:
                self._waiting_since = self._waiting_since or began
                if time.monotonic() - self._waiting_since > BLOCKED_SECONDS:
                    raise _blocked(BLOCKED_SECONDS) from error
                return False
            finally:
                vars(self._made)["_timeout"] = BLOCKED_SECONDS
            self._waiting_since = None
        return True

    def next(self) -> Share:
        """Return the share of the next task.

        Raises:
            EnvironmentLacksError: a decoding process died, has no room for its images, or is blocked.
        """
        assert self._made is not None
        if not self._held:
            with activity.during(_WAITING, at_most=MOST_SECONDS):
                while not self.ready():
                    pass
        return self._held.popleft() if self._held else next(self._made)


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


class _NothingYetError(Exception):
    """No share has come within the time of a poll."""


@contextlib.contextmanager
def _death_of_workers() -> Iterator[None]:
    try:
        yield
    except torch.AcceleratorError:  # of the GPU to which the images go
        raise
    except RuntimeError as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        if lines[0].startswith("DataLoader timed out after"):
            raise _NothingYetError from error
        if any(words in str(error) for words in ("No space left on device", "Bus error", "shared memory")):
            raise EnvironmentLacksError(
                f"The processes that decode images have no room to pass them on: {_room()}.",
                f"Give {_SHARED_MEMORY} more room (docker run --shm-size=8g, or --ipc=host), or set workers=0.",
            ) from error
        raise EnvironmentLacksError(
            f"A process that decodes images died: {lines[-1] if lines[0].startswith('Caught') else lines[0]}",
            "Set fewer workers, or give them more memory.",
        ) from error


def _blocked(seconds: float) -> EnvironmentLacksError:
    return EnvironmentLacksError(
        f"The processes that decode images have delivered nothing for {duration(seconds)}.",
        "Look at the file system of the images, then resume the run; or set workers=0.",
    )


def _room() -> str:
    """Return the size of the shared memory and how much of it is free."""
    try:
        found = os.statvfs(_SHARED_MEMORY)
    except OSError as error:
        return f"{_SHARED_MEMORY} cannot be used ({error.strerror})"
    size, free = (blocks * found.f_frsize / 2**20 for blocks in (found.f_blocks, found.f_bavail))
    return f"{_SHARED_MEMORY} has {size:,.0f} MiB, of which {free:,.0f} MiB are free"


def _forkserver() -> BaseContext:
    # Starting the tracker unblocks signals in this thread, and those of an engine must stay blocked for its helpers.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    resource_tracker.ensure_running()
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
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
