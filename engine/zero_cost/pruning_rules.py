"""What is removed: ranks of two scores, their sum, and a cut on each edge or among the edges of a node.

See docs/methods/tenas.md, "Pruning by importance" and "Edge selection".

Pure functions of plain numbers. A candidate is a slot (cell, edge, operation); lists of scores are in the order in
which the candidates are enumerated.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

# Indices of the kind of cell, of its edge, and of the operation.
Slot = tuple[int, int, int]

# Means closer than this are equal: their last bits depend on the order of the draws
# (docs/methods/tenas.md, "Ties that differ in rounding").
SAME = 1e-9
KEPT_EDGES = 2


@dataclass(frozen=True)
class Ranking:
    """Candidates in the order in which they are removed.

    Attributes:
        kappa: by candidate, the dense rank of its kappa score; 0 is the largest decrease, which is best.
        regions: by candidate, the dense rank of its regions score; 0 is the smallest loss, which is best.
        order: candidates, as indices; the first is removed first.
    """

    kappa: list[int]
    regions: list[int]
    order: list[int]

    @property
    def sums(self) -> list[int]:
        """The sum of the ranks of each candidate."""
        return [kappa + regions for kappa, regions in zip(self.kappa, self.regions, strict=True)]


def rank(kappa: Sequence[float], regions: Sequence[float], *, public: bool = False) -> Ranking:
    """Return the ranking by decrease of kappa and loss of regions; in a tie of sums the larger decrease comes first.

    Args:
        kappa: decreases of kappa; a candidate of -inf comes last.
        regions: decreases of the number of regions.
        public: as in the public code: sort by three significant digits, so that of nearly equal candidates the lower
            index comes first, and treat means as equal only if every bit is. See
            docs/methods/tenas.md, "Sorting by three significant digits" and "Ties that differ in rounding".
    """
    best, by_kappa = _ranks([-value for value in kappa], public)
    _, by_regions = _ranks(regions, public)
    order = sorted(best, key=lambda candidate: by_kappa[candidate] + by_regions[candidate])
    return Ranking(by_kappa, by_regions, order)


def prune_operations(
    slots: Sequence[Slot],
    order: Sequence[int],
    live: Sequence[Sequence[Sequence[int]]],
    number: int,
    *,
    public: bool = False,
) -> list[Slot]:
    """Return what is removed: the first ``number`` of each edge in the order, but never its last operation.

    Args:
        slots: the candidates.
        order: of the candidates, see :class:`Ranking`.
        live: operations by cell and edge.
        number: the number of operations that each edge loses.
        public: as in the public code: every edge loses as many as the first edge of the first cell can lose, and at
            least one, so that an edge may lose all (docs/methods/tenas.md, "The cut per edge is clamped").
    """
    lost: Counter[tuple[int, int]] = Counter()
    removed = []
    for candidate in order:
        cell, edge, _ = slot = slots[candidate]
        first = max(1, len(live[0][0]) - 1)
        if lost[cell, edge] < min(number, first if public else len(live[cell][edge]) - 1):
            lost[cell, edge] += 1
            removed.append(slot)
    return sorted(removed)


def prune_edges(slots: Sequence[Slot], order: Sequence[int]) -> list[Slot]:
    """Return what is removed of the edges into one node: all except the last two in the order, which matter most."""
    return sorted(slots[candidate] for candidate in order[:-KEPT_EDGES])


def _ranks(values: Sequence[float], public: bool) -> tuple[list[int], list[int]]:
    """Return the indices sorted by value, ties in their original order, and each value's dense rank."""
    order = sorted(range(len(values)), key=lambda index: _three_digits(values[index]) if public else values[index])
    ranks = [0] * len(values)
    for before, after in itertools.pairwise(order):
        ranks[after] = ranks[before] + (not _same(values[before], values[after], 0.0 if public else SAME))
    # Sorting by value put equal values in the order of their noise.
    return (order if public else sorted(range(len(values)), key=ranks.__getitem__)), ranks


def _same(first: float, second: float, tolerance: float) -> bool:
    return first == second or abs(first - second) <= tolerance


def _three_digits(value: float) -> float:
    """Return the public code's sorting key: three significant digits, halves away from zero."""
    if not math.isfinite(value):
        return value
    size = abs(value) + 1e-8
    return math.copysign(round(size, 2 - math.floor(math.log10(size))), value)
