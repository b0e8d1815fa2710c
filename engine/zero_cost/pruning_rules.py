"""What falls: ranks of two changes, their sum, and a cut on each edge or among the edges of a node (tenas.md 5).

Pure functions of plain numbers. A candidate is a place (cell, edge, operation); lists of changes are in the order in
which the candidates are enumerated.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

Place = tuple[int, int, int]

# Means closer than this are equal: their last bits depend on the order of the draws (trap 13).
SAME = 1e-9
KEPT_EDGES = 2


@dataclass(frozen=True)
class Ranked:
    """Candidates in the order in which they fall.

    Attributes:
        kappa: by candidate, the dense rank of its change of kappa; 0 falls most, which is best.
        regions: by candidate, the dense rank of its change of regions; 0 loses least, which is best.
        order: candidates, as indices; the first falls first.
    """

    kappa: list[int]
    regions: list[int]
    order: list[int]

    @property
    def sums(self) -> list[int]:
        """By candidate, the sum of its ranks."""
        return [kappa + regions for kappa, regions in zip(self.kappa, self.regions, strict=True)]


def rank(kappa: Sequence[float], regions: Sequence[float], *, public: bool = False) -> Ranked:
    """Rank candidates by how far kappa falls and by how few regions are lost; equal sums go to the fall of kappa.

    Args:
        kappa: falls of kappa; a candidate of -inf comes last.
        regions: falls of the number of regions.
        public: as the public code: sort by three significant digits, so that of nearly equal ones the lower index is
            better off (trap 14), and call means equal only where every bit is (trap 13).
    """
    best, by_kappa = _ranks([-value for value in kappa], public)
    _, by_regions = _ranks(regions, public)
    order = sorted(best, key=lambda candidate: by_kappa[candidate] + by_regions[candidate])
    return Ranked(by_kappa, by_regions, order)


def cut_operations(
    places: Sequence[Place],
    order: Sequence[int],
    live: Sequence[Sequence[Sequence[int]]],
    number: int,
    *,
    public: bool = False,
) -> list[Place]:
    """Return what falls: of each edge its first ``number`` in the order, but never its last operation.

    Args:
        places: the candidates.
        order: of candidates, see :class:`Ranked`.
        live: operations by cell and edge.
        number: of operations that each edge loses.
        public: as the public code: what the first edge of the first cell can lose is what every edge loses, and at
            least one, so that an edge may lose all (trap 12).
    """
    lost: Counter[tuple[int, int]] = Counter()
    fallen = []
    for candidate in order:
        cell, edge, _ = place = places[candidate]
        first = max(1, len(live[0][0]) - 1)
        if lost[cell, edge] < min(number, first if public else len(live[cell][edge]) - 1):
            lost[cell, edge] += 1
            fallen.append(place)
    return sorted(fallen)


def cut_edges(places: Sequence[Place], order: Sequence[int]) -> list[Place]:
    """Return what falls of the edges into one node: all but the last two of the order, those that matter most."""
    return sorted(places[candidate] for candidate in order[:-KEPT_EDGES])


def _ranks(values: Sequence[float], public: bool) -> tuple[list[int], list[int]]:
    """Return indices from the smallest value, equals in their order, and each value's dense rank."""
    order = sorted(range(len(values)), key=lambda place: _three_digits(values[place]) if public else values[place])
    ranks = [0] * len(values)
    for before, after in itertools.pairwise(order):
        ranks[after] = ranks[before] + (not _same(values[before], values[after], 0.0 if public else SAME))
    # Equals that differ in noise have come in the order of the noise.
    return (order if public else sorted(range(len(values)), key=ranks.__getitem__)), ranks


def _same(first: float, second: float, tolerance: float) -> bool:
    return first == second or abs(first - second) <= tolerance


def _three_digits(value: float) -> float:
    """Return the public code's sorting key: three significant digits, halves away from zero."""
    if not math.isfinite(value):
        return value
    size = abs(value) + 1e-8
    return math.copysign(round(size, 2 - math.floor(math.log10(size))), value)
