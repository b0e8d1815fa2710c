"""The table of one decision: what every candidate gave with every draw, and what follows of it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Collection, Sequence
from dataclasses import astuple, dataclass
from typing import Any

from engine.zero_cost.pruning_rules import Place, Ranked, rank
from engine.zero_cost.scores import Changes, Measured, mean

# Draws are made in sets of ``repeats``: those that decide, and those that only check what other draws would decide.
DECIDES, CHECKS = "decides", "checks"
# From the candidates and their order to those that fall.
Cut = Callable[[Sequence[Place], Sequence[int]], list[Place]]


@dataclass(frozen=True)
class Standing:
    """What a table says, of the candidates that have been measured.

    Attributes:
        places: these candidates, in the order of the other fields.
        kappa, regions: mean changes.
        ranked: their ranks and their order.
        fallen: what falls.
        margins: by (cell, edge) of what falls, how far it is from staying: the difference of its rank sum to that of
            the first that stays, over the standard error of this difference between draws; below 2 it may be chance.
            None of a single draw.
    """

    places: list[Place]
    kappa: list[float]
    regions: list[float]
    ranked: Ranked
    fallen: list[Place]
    margins: dict[tuple[int, int], float | None]


class Table:
    """Measurements of the candidates of one decision, draw by draw.

    Args:
        places: the candidates, as they are enumerated.
        changes: how a change is reckoned.
        cut: what falls.
        public: whether to rank as the public code does.
        repeats: draws in a set.

    Attributes:
        places: as given.
        sets: what each set of draws is for; there is always the first, which decides.
        measured: draw by draw, and in each candidate by candidate.
    """

    def __init__(self, places: list[Place], changes: Changes, cut: Cut, *, public: bool, repeats: int) -> None:
        self.places = places
        self.sets = [DECIDES]
        self.measured: list[Measured] = []
        self._changes, self._cut, self._public, self._repeats = changes, cut, public, repeats

    @property
    def size(self) -> int:
        """Measurements of all sets."""
        return len(self.sets) * self._repeats * len(self.places)

    @property
    def next(self) -> tuple[int, int]:
        """The draw and the candidate that are measured next."""
        return divmod(len(self.measured), len(self.places))

    @property
    def full(self) -> bool:
        """Whether every candidate has been measured with every draw."""
        return len(self.measured) == self.size

    def draws(self, purpose: str = DECIDES) -> list[int]:
        """Return the draws of the sets of a purpose."""
        return [draw for draw in range(len(self.sets) * self._repeats) if self.sets[draw // self._repeats] == purpose]

    def of(self, draw: int) -> list[Measured]:
        """Return what a draw has measured so far."""
        return self.measured[draw * len(self.places) : (draw + 1) * len(self.places)]

    def standing(self, draws: Collection[int]) -> Standing | None:
        """Return what these draws say together; None before any of them has measured anything."""
        by_draw = [self.of(draw) for draw in draws]
        known = max(map(len, by_draw), default=0)
        if not known:
            return None
        places = self.places[:known]
        columns = [[of_draw[place] for of_draw in by_draw if place < len(of_draw)] for place in range(known)]
        kappa = [mean([self._changes.of_kappa(pair) for pair in column]) for column in columns]
        regions = [mean([self._changes.of_regions(pair) for pair in column]) for column in columns]
        ranked = rank(kappa, regions, public=self._public)
        fallen = self._cut(places, ranked.order)
        complete = [of_draw for of_draw in by_draw if len(of_draw) == known]
        return Standing(places, kappa, regions, ranked, fallen, self._margins(places, ranked, fallen, complete))

    def _margins(
        self, places: list[Place], ranked: Ranked, fallen: list[Place], draws: list[list[Measured]]
    ) -> dict[tuple[int, int], float | None]:
        if len(draws) < 2:
            return {place[:2]: None for place in fallen}
        sums = ranked.sums
        alone = [self._alone(pairs).sums for pairs in draws]
        margins: dict[tuple[int, int], float | None] = {}
        stays = [candidate for candidate in ranked.order if places[candidate] not in fallen]
        for candidate in ranked.order:
            if places[candidate] not in fallen:
                continue
            where = places[candidate][:2]
            # Of an edge that stays, the rival is another operation; of one that falls, another edge into the node.
            rivals = [other for other in stays if places[other][:2] == where] or stays
            if not rivals:
                continue
            rival = rivals[0]
            differences = [of_draw[rival] - of_draw[candidate] for of_draw in alone]
            # Sums are whole numbers: less noise than one rank is not seen.
            noise = max(1.0, statistics.stdev(differences)) / math.sqrt(len(differences))
            # Of several that fall from an edge, the last in the order was the nearest to stay.
            margins[where] = (sums[rival] - sums[candidate]) / noise
        return margins

    def _alone(self, pairs: list[Measured]) -> Ranked:
        """Return the ranks that one draw would give."""
        return rank(
            [mean([self._changes.of_kappa(pair)]) for pair in pairs],
            [self._changes.of_regions(pair) for pair in pairs],
            public=self._public,
        )

    def state(self) -> dict[str, Any]:
        """Return what has been measured, and what is still to be."""
        return {
            "places": [list(place) for place in self.places],
            "sets": list(self.sets),
            "measured": [list(astuple(pair)) for pair in self.measured],
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a state of a table of the same candidates."""
        self.sets = list(state["sets"])
        self.measured = [Measured(*values) for values in state["measured"]]
