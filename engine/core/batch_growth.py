"""A batch that grows while memory lasts (PR-DARTS; prdarts.md section 9)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any


def grown(batch: int, peak: float, *, largest: int, multiple: int) -> int:
    """Return the next batch: floor(0.95 B / u), a multiple, at most twice and at most ``largest``; never smaller.

    Args:
        batch: B, images in a batch now.
        peak: u, the largest share of the memory in use so far, 0..1; 0 where nothing was measured.
        largest: no batch is larger.
        multiple: a batch that grows has a multiple of this many images.
    """
    wanted = math.floor(0.95 * batch / (peak or 1.0))
    wanted -= wanted % multiple
    return max(batch, min(wanted, largest, 2 * batch))


@dataclass
class Growth:
    """The size of the batches of a search, between its least and what the memory turned out to hold.

    Attributes:
        least: images in a batch at the start of a stage.
        largest: no batch is larger.
        multiple: a batch that grows has a multiple of this many images.
        every: steps from one look at the memory to the next.
        limit: the largest batch of this stage: ``largest`` until one did not fit.
        fits: the largest batch of this stage that a whole step has been done with; 0 before one has.
        steps: done since the last look.
    """

    least: int
    largest: int
    multiple: int
    every: int
    limit: int = field(init=False)
    fits: int = field(init=False)
    steps: int = field(init=False)

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> int:
        """Begin a stage, in whose supernet anything may fit; return the batch."""
        self.limit, self.fits, self.steps = self.largest, 0, 0
        return self.least

    def done(self, batch: int) -> bool:
        """Take note of a step that was done; return whether it is time to look at the memory."""
        self.fits = max(self.fits, batch)
        self.steps += 1
        if self.steps < self.every or batch >= self.limit:
            return False
        self.steps = 0
        return True

    def next(self, batch: int, peak: float) -> int:
        """Return the batch after a look at the memory, see :func:`grown`."""
        return grown(batch, peak, largest=self.limit, multiple=self.multiple)

    def step_back(self, batch: int) -> int:
        """Return the batch after one that did not fit: what did, or half of it; 0 where no smaller one is left."""
        smaller = self.fits if 0 < self.fits < batch else batch // 2 - batch // 2 % self.multiple or batch // 2
        self.limit = self.fits = smaller if smaller > 1 else 0
        return self.limit

    def state(self) -> dict[str, Any]:
        """Return what changes."""
        return {"limit": self.limit, "fits": self.fits, "steps": self.steps}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from :meth:`state`."""
        self.limit, self.fits, self.steps = state["limit"], state["fits"], state["steps"]
