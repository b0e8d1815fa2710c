"""The effect of deleting an operation: turns pairs of measurements into scores.

See docs/methods/tenas.md, "Condition number of the NTK" and "Linear regions".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Change = Literal["relative", "log"]


@dataclass(frozen=True)
class Measurement:
    """One candidate with one draw, and the network before the cut with the same weights and images.

    Attributes:
        kappa_before, kappa: condition numbers of the NTK; infinite if it is singular.
        regions_before, regions: linear regions.
    """

    kappa_before: float
    kappa: float
    regions_before: float
    regions: float


@dataclass(frozen=True)
class Scoring:
    """Turns a measurement into the scores of its candidate.

    Attributes:
        change: ``relative`` to the network before; or ``log``, the decimal logarithm of the ratio, with which one bad
            draw does not outweigh two good ones (docs/methods/tenas.md, "Indicators are noisy").
        decimals: of the rounded score of each draw.
    """

    change: Change = "relative"
    decimals: int = 3

    def kappa(self, measurement: Measurement) -> float | None:
        """Return the decrease of kappa, so that positive is good; -inf if the candidate's kappa is infinite.

        None if kappa of the network before is infinite: such a draw says nothing about kappa
        (docs/methods/tenas.md, "Singular kernels").
        """
        if not math.isfinite(measurement.kappa_before):
            return None
        if not math.isfinite(measurement.kappa):
            return -math.inf
        return self._decrease(measurement.kappa_before, measurement.kappa)

    def regions(self, measurement: Measurement) -> float:
        """Return the decrease of the number of regions, so that positive is bad."""
        return self._decrease(measurement.regions_before, measurement.regions)

    def _decrease(self, before: float, after: float) -> float:
        decrease = math.log10(before / after) if self.change == "log" else (before - after) / before
        return round(decrease, self.decimals)


def mean(scores: Sequence[float | None]) -> float:
    """Return the mean of the known scores; -inf if none is known, so that unknown ones come last in the NTK order."""
    known = [score for score in scores if score is not None]
    total = 0.0
    for score in known:  # a plain loop in their order: some versions of Python compensate their sums
        total += score
    return total / len(known) if known else -math.inf
