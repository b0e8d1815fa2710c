"""The table of one decision: the measurements of every candidate with every draw, and what follows from them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Collection, Sequence
from dataclasses import astuple, dataclass
from typing import Any

from engine.zero_cost.pruning_rules import Ranking, Slot, rank
from engine.zero_cost.scores import Measurement, Scoring, mean

# Draws are made in sets of ``repeats``: sets that decide, and sets that only check what other draws would decide.
DECIDES, CHECKS = "decides", "checks"
# From the candidates and their order to those that are removed.
Rule = Callable[[Sequence[Slot], Sequence[int]], list[Slot]]


@dataclass(frozen=True)
class Decision:
    """What follows from a table, for the candidates that have been measured.

    Attributes:
        slots: these candidates, in the order of the other fields.
        kappa, regions: mean scores.
        ranking: their ranks and their order.
        removed: the slots to remove.
        margins: by (cell, edge) of a removed slot, how far it is from staying: the rank sum of the first slot that
            stays minus its own, divided by the standard error of this difference between draws; below 2 it may be due
            to chance. None with a single draw.
    """

    slots: list[Slot]
    kappa: list[float]
    regions: list[float]
    ranking: Ranking
    removed: list[Slot]
    margins: dict[tuple[int, int], float | None]


class Table:
    """Measurements of the candidates of one decision, draw by draw.

    Args:
        slots: the candidates, in their enumeration order.
        scoring: from measurements to scores.
        rule: decides what is removed.
        public: whether to rank as the public code does.
        repeats: the number of draws in a set.

    Attributes:
        slots: as given.
        sets: the purpose of each set of draws; the first always decides.
        measured: draw by draw, and within each draw candidate by candidate.
    """

    def __init__(self, slots: list[Slot], scoring: Scoring, rule: Rule, *, public: bool, repeats: int) -> None:
        self.slots = slots
        self.sets = [DECIDES]
        self.measured: list[Measurement] = []
        self._scoring, self._rule, self._public, self._repeats = scoring, rule, public, repeats

    @property
    def size(self) -> int:
        """The number of measurements of all sets."""
        return len(self.sets) * self._repeats * len(self.slots)

    @property
    def next(self) -> tuple[int, int]:
        """The draw and the candidate to measure next."""
        return divmod(len(self.measured), len(self.slots))

    @property
    def complete(self) -> bool:
        """Whether every candidate has been measured with every draw."""
        return len(self.measured) == self.size

    def draws(self, purpose: str = DECIDES) -> list[int]:
        """Return the draws of the sets with this purpose."""
        return [draw for draw in range(len(self.sets) * self._repeats) if self.sets[draw // self._repeats] == purpose]

    def of(self, draw: int) -> list[Measurement]:
        """Return what has been measured with a draw so far."""
        return self.measured[draw * len(self.slots) : (draw + 1) * len(self.slots)]

    def decide(self, draws: Collection[int]) -> Decision | None:
        """Return what follows from these draws together; None before anything has been measured with them."""
        by_draw = [self.of(draw) for draw in draws]
        known = max(map(len, by_draw), default=0)
        if not known:
            return None
        slots = self.slots[:known]
        columns = [[of_draw[index] for of_draw in by_draw if index < len(of_draw)] for index in range(known)]
        kappa = [mean([self._scoring.kappa(measurement) for measurement in column]) for column in columns]
        regions = [mean([self._scoring.regions(measurement) for measurement in column]) for column in columns]
        ranking = rank(kappa, regions, public=self._public)
        removed = self._rule(slots, ranking.order)
        complete = [of_draw for of_draw in by_draw if len(of_draw) == known]
        return Decision(slots, kappa, regions, ranking, removed, self._margins(slots, ranking, removed, complete))

    def _margins(
        self, slots: list[Slot], ranking: Ranking, removed: list[Slot], draws: list[list[Measurement]]
    ) -> dict[tuple[int, int], float | None]:
        if len(draws) < 2:
            return {slot[:2]: None for slot in removed}
        sums = ranking.sums
        sums_by_draw = [self._rank_alone(measurements).sums for measurements in draws]
        margins: dict[tuple[int, int], float | None] = {}
        stays = [candidate for candidate in ranking.order if slots[candidate] not in removed]
        for candidate in ranking.order:
            if slots[candidate] not in removed:
                continue
            where = slots[candidate][:2]
            # If the edge stays, the rival is another operation; if it is removed, another edge into the node.
            rivals = [other for other in stays if slots[other][:2] == where] or stays
            if not rivals:
                continue
            rival = rivals[0]
            differences = [of_draw[rival] - of_draw[candidate] for of_draw in sums_by_draw]
            # Sums are whole numbers: noise below one rank cannot be seen.
            noise = max(1.0, statistics.stdev(differences)) / math.sqrt(len(differences))
            # Of several slots that an edge loses, the last in the order was closest to staying.
            margins[where] = (sums[rival] - sums[candidate]) / noise
        return margins

    def _rank_alone(self, measurements: list[Measurement]) -> Ranking:
        """Return the ranking that one draw alone would give."""
        return rank(
            [mean([self._scoring.kappa(measurement)]) for measurement in measurements],
            [self._scoring.regions(measurement) for measurement in measurements],
            public=self._public,
        )

    def state(self) -> dict[str, Any]:
        """Return what has been measured, and what is still to be measured."""
        return {
            "places": [list(slot) for slot in self.slots],
            "sets": list(self.sets),
            "measured": [list(astuple(measurement)) for measurement in self.measured],
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore the state of a table of the same candidates."""
        self.sets = list(state["sets"])
        self.measured = [Measurement(*values) for values in state["measured"]]
