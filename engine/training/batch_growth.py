"""A batch that grows while memory lasts (PR-DARTS; prdarts.md section 9)."""

from __future__ import annotations

import math


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
