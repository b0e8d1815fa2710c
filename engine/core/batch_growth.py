"""A batch that grows as far as the memory allows (PR-DARTS).

See docs/methods/prdarts.md, "The growing batch".
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any


def next_batch(batch: int, peak: float, *, largest: int, multiple: int) -> int:
    """Return the next batch: floor(0.95 B / u), a multiple, at most twice and at most ``largest``; never smaller.

    Args:
        batch: B, the current number of images in a batch.
        peak: u, the largest share of the memory in use so far, 0..1; 0 if nothing was measured.
        largest: the maximum batch.
        multiple: a larger batch is a multiple of this many images.
    """
    fitting = math.floor(0.95 * batch / (peak or 1.0))
    fitting -= fitting % multiple
    return max(batch, min(fitting, largest, 2 * batch))


@dataclass
class BatchGrowth:
    """The size of the batches of a search, between the minimum and the largest that the memory holds.

    Attributes:
        least: the number of images in a batch at the start of a stage.
        largest: the maximum batch.
        multiple: a larger batch is a multiple of this many images.
        every: steps between two readings of the memory.
        limit: the largest batch of this stage: ``largest`` until one did not fit.
        fits: the largest batch of this stage with which a whole step succeeded; 0 before the first.
        steps: since the last reading.
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
        """Start a stage, whose supernet may fit any batch; return the batch."""
        self.limit, self.fits, self.steps = self.largest, 0, 0
        return self.least

    def done(self, batch: int) -> bool:
        """Count a step that succeeded; return whether to read the memory now."""
        self.fits = max(self.fits, batch)
        self.steps += 1
        if self.steps < self.every or batch >= self.limit:
            return False
        self.steps = 0
        return True

    def next(self, batch: int, peak: float) -> int:
        """Return the batch after a reading of the memory, see :func:`next_batch`."""
        return next_batch(batch, peak, largest=self.limit, multiple=self.multiple)

    def step_back(self, batch: int) -> int:
        """Return the batch after one that did not fit: the last that did, or half; 0 if there is no smaller one."""
        smaller = self.fits if 0 < self.fits < batch else batch // 2 - batch // 2 % self.multiple or batch // 2
        self.limit = self.fits = smaller if smaller > 1 else 0
        return self.limit

    def state(self) -> dict[str, Any]:
        """Return the values that change."""
        return {"limit": self.limit, "fits": self.fits, "steps": self.steps}

    def load(self, state: dict[str, Any]) -> None:
        """Restore a saved state."""
        self.limit, self.fits, self.steps = state["limit"], state["fits"], state["steps"]
