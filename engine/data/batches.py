"""Streams of batch indices whose position is part of a checkpoint."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor

from runs.errors import EnvironmentLacksError

# The number of images in an evaluation batch.
EVALUATION_BATCH = 256


_accepting = ContextVar("accepting", default=False)


@contextlib.contextmanager
def accepting_other_images(accept: bool) -> Iterator[None]:
    """While the block runs, let streams load a state of other images, if ``accept``: they go on in a new order."""
    before = _accepting.set(accept)
    try:
        yield
    finally:
        _accepting.reset(before)


class IndexStream:
    """Draws batches of indices from a random order, without repeats inside a batch.

    Each pass has its own order. :meth:`next` walks through a pass, whose last batch may be short; :meth:`take` cycles
    for ever in batches of the requested size.

    Args:
        indices: int64 [N], on the CPU.
        generator: draws the orders; its state belongs to the runtime. With None, every pass has the given order.

    Attributes:
        passes: the number of passes started.
    """

    def __init__(self, indices: Tensor, generator: torch.Generator | None) -> None:
        self._indices = indices
        self._generator = generator
        self._order = indices[:0]
        self._position = 0
        self.passes = 0

    def __len__(self) -> int:
        return len(self._indices)

    def start(self) -> None:
        """Start a new pass in a new order."""
        self._order = self._indices
        if self._generator is not None:
            self._order = self._indices[torch.randperm(len(self._indices), generator=self._generator)]
        self._position = 0
        self.passes += 1

    def next(self, size: int) -> Tensor:
        """Return the next batch of this pass, which may be short at the end."""
        batch = self.ahead[:size]
        self._position += len(batch)
        return batch

    def take(self, size: int) -> Tensor:
        """Return a batch of this size, or of all indices if there are fewer; starts a new pass if too few are left."""
        size = min(size, len(self._indices))
        if self._position + size > len(self._order):
            self.start()
        return self.next(size)

    @property
    def ahead(self) -> Tensor:
        """The rest of this pass, in order."""
        return self._order[self._position :]

    def state(self) -> dict[str, Any]:
        """Return the order, the position in it, and the number of the pass."""
        return {"order": self._order, "position": self._position, "passes": self.passes}

    def load(self, state: dict[str, Any]) -> None:
        """Restore the result of :meth:`state`.

        Raises:
            EnvironmentLacksError: it is of other images than this stream's, and that is not accepted.
        """
        order, position = state["order"], state["position"]
        if len(order) and not torch.equal(order.sort().values, self._indices.sort().values):
            if not _accepting.get():
                raise EnvironmentLacksError(
                    f"The checkpoint is in a pass of {len(order):,} images. The data set now gives "
                    f"{len(self._indices):,}, or others: it has changed.",
                    "Restore it, or go on with the changed one: nastui runs resume RUN --accept-changed-data",
                )
            self.start()
            order, position = self._order, min(position, len(self._order) - 1)
        self._order, self._position, self.passes = order, position, state["passes"]
