"""The interface of a feed: the batches for training a network, from images in memory or streamed from files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from engine.data.batches import IndexStream
from engine.data.statistics import Channels


class Feed(ABC):
    """Batches of one part of a data set. Each batch is drawn whole and cut into pieces; a process makes only its own.

    Piece j of a batch is ``torch.tensor_split(indices, pieces)[j]``. An image depends neither on how its batch is cut
    nor on which process makes it.

    Args:
        stream: the indices of the images, pass by pass.
        classes, size, mean, std: see the attributes.

    Attributes:
        classes: class names, by label.
        size: side of the images in pixels.
        mean, std: used to normalise the images, per channel, of values in 0..1.
    """

    def __init__(
        self, stream: IndexStream, *, classes: tuple[str, ...], size: int, mean: Channels, std: Channels
    ) -> None:
        self.classes, self.size, self.mean, self.std = classes, size, mean, std
        self._stream = stream
        self._batch, self._pieces = 1, 1
        self._mine: tuple[int, ...] = (0,)

    def __len__(self) -> int:
        """Return the number of images in a pass."""
        return len(self._stream)

    @property
    def left(self) -> int:
        """The number of images still to come in this pass, including broken ones."""
        return len(self._stream.ahead)

    @property
    @abstractmethod
    def skipped(self) -> int:
        """The number of broken files that were left out."""

    def cut(self, batch: int, pieces: int = 1, mine: Sequence[int] = (0,)) -> None:
        """Set how the following batches are made. May be called at any time, even during a pass.

        Args:
            batch: the number of images in a batch, over all processes.
            pieces: the number of pieces of a batch, over all processes.
            mine: the pieces that this process makes.
        """
        self._batch, self._pieces, self._mine = batch, pieces, tuple(mine)

    def start(self) -> None:
        """Begin a pass: in a new order for training, in the same order for a test."""
        self._stream.start()

    def ready(self) -> bool:
        """Return whether the next batch is there, or can be made by this process, after a wait of at most a second."""
        return True

    @abstractmethod
    def next(self) -> list[tuple[Tensor, Tensor]]:
        """Return this process's pieces of the next batch, on the device.

        A piece is float32 images [B, 3, H, W] in channels-last memory and int64 labels [B]. The last batch of a pass
        may be short; pieces without an image are left out.
        """

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return the order and the position in it; the state of generators belongs to the runtime."""

    @abstractmethod
    def load(self, state: dict[str, Any]) -> None:
        """Restore a saved state."""
