"""What deleting an operation changes: from pairs of measurements to one number each (tenas.md 3, 4 and 10)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

How = Literal["relative", "log"]


@dataclass(frozen=True)
class Measured:
    """One candidate with one draw, and the network that it was cut from with the same weights and images.

    Attributes:
        kappa_before, kappa: condition numbers of the NTK; infinite where it is singular.
        regions_before, regions: linear regions.
    """

    kappa_before: float
    kappa: float
    regions_before: float
    regions: float


@dataclass(frozen=True)
class Changes:
    """How changes are reckoned.

    Attributes:
        how: ``relative`` to the network before; or ``log``, the decimal logarithm of the ratio, which one bad draw
            does not outweigh two good ones in (trap 3).
        decimals: that each draw's change is rounded to.
    """

    how: How = "relative"
    decimals: int = 3

    def of_kappa(self, pair: Measured) -> float | None:
        """Return the fall of kappa, so that positive is good; -inf where the candidate's is infinite.

        None where that of the network before is infinite: such a draw says nothing of kappa (trap 5).
        """
        if not math.isfinite(pair.kappa_before):
            return None
        return self._fall(pair.kappa_before, pair.kappa) if math.isfinite(pair.kappa) else -math.inf

    def of_regions(self, pair: Measured) -> float:
        """Return the fall of the number of regions, so that positive is bad."""
        return self._fall(pair.regions_before, pair.regions)

    def _fall(self, before: float, after: float) -> float:
        fall = math.log10(before / after) if self.how == "log" else (before - after) / before
        return round(fall, self.decimals)


def mean(changes: Sequence[float | None]) -> float:
    """Return the mean of those that are known; -inf where none is, so that the unknown comes last in the NTK order."""
    known = [change for change in changes if change is not None]
    total = 0.0
    for change in known:  # in their order and plainly: some of Python's versions compensate their sums
        total += change
    return total / len(known) if known else -math.inf
