"""The loop of a search by pruning: a unit of work is one measurement, an epoch is one round of deletions.

See docs/methods/tenas.md, "Pruning by importance".
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from torch import Tensor

from engine.method import Context, EpochReport, Position
from engine.spaces.scoring import everything
from engine.spaces.space import Candidates
from engine.zero_cost import plan, report
from engine.zero_cost.proxies.linear_regions import NEAR_SATURATION
from engine.zero_cost.proxies.scorer import Score
from engine.zero_cost.pruning_rules import Slot, prune_edges, prune_operations
from engine.zero_cost.scores import Measurement, Scoring
from engine.zero_cost.table import CHECKS, DECIDES, Table
from runs.catalogue.methods.tenas import ANOTHER_SEED, MORE_DRAWS, TenasSettings
from runs.genotypes.cell_networks import REDUCE
from runs.genotypes.genotype import Genotype
from runs.log.events import Interim, StageStarted, Warned

# A draw can take minutes; interim events show how the table fills.
INTERIM_SECONDS = 5.0
OPERATIONS, EDGES = "operations", "edges"


class Scorer(Protocol):
    """Measures both proxies; implemented by :class:`engine.zero_cost.proxies.scorer.Scorer`."""

    batch_size: int

    def draw(
        self, *key: int, ntk_weights: tuple[int, ...] | None = None, thin_weights: tuple[int, ...] | None = None
    ) -> Any:
        """Draw images, and the keys of the weights that go with them; the same keys give the same draw."""

    def measure(self, draw: Any, live: Candidates) -> Score:
        """Return both proxies of the live operations."""


class PruningSearch:
    """Deletes the operations that an untrained supernet needs least. Implements :class:`engine.method.Method`.

    An epoch is a round, in which every edge loses operations; if nodes keep two edges, the last epoch chooses them.
    Every measurement is kept until its epoch is over, and a draw can be repeated from its key, so a search continues
    exactly where it was interrupted.

    Args:
        context: of the run.
        scorer: of its space and images.
    """

    def __init__(self, context: Context[TenasSettings], scorer: Scorer) -> None:
        self._context, self._settings, self._scorer = context, context.settings, scorer
        self._entry = context.space.entry
        self._public = self._settings.ranking == "public"
        self._scoring = Scoring(self._settings.change, self._settings.decimals)
        self.live: Candidates = everything(self._entry)
        self._selects_edges = REDUCE in self._entry.cells
        self._lengths = plan.epoch_lengths(
            self._entry, self.live, self._settings.prune_number, selects_edges=self._selects_edges
        )
        self.epochs = len(self._lengths)
        self.epoch = self.stage = 0
        self._removed_in: dict[Slot, int] = {}  # the round, from 1
        # The last known rank sums: a genotype is derived from them until each edge has one operation left.
        self._sums: dict[Slot, int] = {}
        self._tables: list[Table] = []
        self._before_edges: Candidates | None = None
        self._worked = 0
        self._images = 0
        self._last_draw: tuple[tuple[int, ...], Any] | None = None
        self._seconds = [0.0, 0.0]
        self._last_score: Score | None = None
        self._last_interim = time.monotonic()
        self._begin_epoch()

    # The interface of a method ----------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Announce the first stage; warn if the data set is smaller than a batch."""
        self._announce()
        if self._scorer.batch_size < self._settings.batch_size:
            self._context.emit(
                Warned(
                    "batch",
                    f"The data set has {self._scorer.batch_size} training images: batches have this size "
                    f"instead of {self._settings.batch_size}.",
                )
            )

    def advance(self) -> EpochReport | None:
        """Measure the next candidate; after the last of a table, decide what is removed."""
        table = self._tables[-1]
        draw, candidate = table.next
        table.measured.append(self._measure(table, draw, candidate))
        if not table.complete:
            self._emit_interim(complete=candidate == len(table.slots) - 1)
            return None
        return self._prune(table)

    def position(self) -> Position:
        """Return how many measurements of the epoch and of the run are done."""
        step = sum(len(table.measured) for table in self._tables)
        of = step + self._left()
        later = sum(self._lengths[self.epoch + 1 :]) * self._settings.repeats
        return Position(step, of, self._images, self._metrics(), self._worked + step, self._worked + of + later)

    def genotype(self) -> Genotype:
        """Return the cells of the operations that matter most according to the current rank sums."""
        sums = {**self._sums, **self._current_sums()}
        # At the end there is nothing left to choose: the remaining operations have equal scores and keep their order.
        most = 0 if self.epoch >= self.epochs else max(sums.values(), default=0)
        scores = {
            kind: [
                [1 + (sums.get((cell, edge, op), 0) / (most + 1) if most else 0.0) for op in self._columns]
                for edge in range(len(self._entry.edges))
            ]
            for cell, kind in enumerate(self._entry.cells)
        }
        return self._context.space.derive(scores, self.live)

    def weights(self) -> Mapping[str, Tensor]:
        """Return no weights: no network is trained."""
        return {}

    def handle_request(self, request: str) -> bool:
        """Add a set of draws that decides, or one that checks the decision with another seed."""
        purposes = {MORE_DRAWS: DECIDES, ANOTHER_SEED: CHECKS}
        if request not in purposes:
            return False
        self._tables[-1].sets.append(purposes[request])
        return True

    def state(self) -> dict[str, Any]:
        """Return everything that determines what comes next; draws follow from their keys."""
        return {
            "epoch": self.epoch,
            "live": {kind: [list(row) for row in rows] for kind, rows in self.live.items()},
            "before_edges": _plain(self._before_edges),
            "fell": [[*slot, number] for slot, number in self._removed_in.items()],
            "sums": [[*slot, number] for slot, number in self._sums.items()],
            "tables": [table.state() for table in self._tables],
            "worked": self._worked,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore a saved state."""
        self.epoch, self._worked = state["epoch"], state["worked"]
        self.live = _candidates(state["live"])
        self._before_edges = None if state["before_edges"] is None else _candidates(state["before_edges"])
        self.stage = int(self._selecting)
        self._removed_in = {tuple(slot): number for *slot, number in state["fell"]}
        self._sums = {tuple(slot): number for *slot, number in state["sums"]}
        self._tables = []
        for saved in state["tables"]:
            self._tables.append(self._table([tuple(slot) for slot in saved["places"]]))
            self._tables[-1].load(saved)

    # Measurements -----------------------------------------------------------------------------------------------

    def _measure(self, table: Table, draw: int, candidate: int) -> Measurement:
        """Measure a candidate, and the network before it with the same weights and images.

        If candidates share draws, that network is measured once for all candidates of a draw.
        """
        shared = self._settings.draws == "shared"
        # The numbers of edge groups, which come last, follow those of the rounds.
        number = self.epoch + len(self._tables) - 1
        drawn = self._draw((number, draw) if shared else (number, draw, candidate))
        of_draw = table.of(draw)
        if shared and of_draw:
            kappa_before, regions_before = of_draw[0].kappa_before, of_draw[0].regions_before
        else:
            score = self._score(drawn, self.live)
            kappa_before, regions_before = score.kappa, score.regions.regions
            if self._public and self._before_edges is not None:
                kappa_before = self._score(drawn, self._before_edges).kappa
        slot = table.slots[candidate]
        after = self._score(drawn, plan.without(self.live, self._entry, [slot]))
        self._last_score = after
        return Measurement(float(kappa_before), float(after.kappa), float(regions_before), float(after.regions.regions))

    def _draw(self, key: tuple[int, ...]) -> Any:
        if self._last_draw is None or self._last_draw[0] != key:
            number, draw, *candidate = key
            weights: dict[str, tuple[int, ...]] = {}
            if self._settings.weights_drawn == "round":
                # The public code has one network for a round, and one for all groups of edges.
                weights = {"ntk_weights": (self.epoch,), "thin_weights": (number, *candidate)}
            self._last_draw = key, self._scorer.draw(number, draw, *candidate, **weights)
        return self._last_draw[1]

    def _score(self, drawn: Any, live: Candidates) -> Score:
        score = self._scorer.measure(drawn, live)
        self._images += self._scorer.batch_size
        self._seconds[0] += score.ntk_seconds
        self._seconds[1] += score.region_seconds
        return score

    # Decisions --------------------------------------------------------------------------------------------------

    def _prune(self, table: Table) -> EpochReport | None:
        """Remove what the table decides; return a report if that ends the epoch."""
        decision = table.decide(table.draws())
        assert decision is not None
        self._sums |= dict(zip(decision.slots, decision.ranking.sums, strict=True))
        self._removed_in |= dict.fromkeys(decision.removed, self.epoch + 1)
        self.live = plan.without(self.live, self._entry, decision.removed)
        if self._selecting and (left := plan.edge_groups(self._entry, self.live)):
            self._tables.append(self._table(plan.group_slots(left[0], self._entry, self.live)))
            return None
        return self._end_epoch()

    def _end_epoch(self) -> EpochReport:
        tables = self._tables
        self.epoch += 1
        self._warn(tables)
        self._worked += sum(len(table.measured) for table in tables)
        self._tables = []
        genotype = self.genotype()
        ended = EpochReport(
            genotype,
            report.metrics(tables, self._samples),
            architecture=report.snapshots(
                self._entry, self.live, self._context.space.chosen(genotype), self._removed_in
            ),
            extras=report.extras(self._entry, tables),
        )
        if self.epoch < self.epochs:
            self._begin_epoch()
            if self.stage != int(self._selecting):
                self.stage = int(self._selecting)
                self._announce()
        return ended

    def _begin_epoch(self) -> None:
        if self._selecting:
            self._before_edges = self.live
            first = plan.group_slots(plan.edge_groups(self._entry, self.live)[0], self._entry, self.live)
        else:
            first = plan.candidate_slots(self._entry, self.live)
        self._tables = [self._table(first)]

    def _table(self, slots: list[Slot]) -> Table:
        live = [self.live[kind] for kind in self._entry.cells]
        operations = partial(prune_operations, live=live, number=self._settings.prune_number, public=self._public)
        return Table(
            slots,
            self._scoring,
            prune_edges if self._selecting else operations,
            public=self._public,
            repeats=self._settings.repeats,
        )

    @property
    def _selecting(self) -> bool:
        """Whether the current epoch chooses edges."""
        return self._selects_edges and self.epoch == self.epochs - 1

    # Reports ----------------------------------------------------------------------------------------------------

    @property
    def _columns(self) -> range:
        return range(len(self._entry.operations))

    @property
    def _samples(self) -> int:
        return self._settings.region_batches * self._settings.region_samples

    def _left(self) -> int:
        """Return the number of measurements left in the epoch."""
        left = self._tables[-1].size - len(self._tables[-1].measured) if self._tables else 0
        if self._selecting:
            begun = sum(len(table.slots) for table in self._tables)
            left += (self._lengths[self.epoch] - begun) * self._settings.repeats
        return left

    def _current_sums(self) -> dict[Slot, int]:
        """Return the rank sums of the current table, once every candidate has one."""
        if not self._tables or len(self._tables[-1].measured) < len(self._tables[-1].slots):
            return {}
        table = self._tables[-1]
        decision = table.decide(table.draws())
        return dict(zip(decision.slots, decision.ranking.sums, strict=True)) if decision else {}

    def _metrics(self) -> dict[str, float]:
        if self._last_score is None:
            return {}
        metrics = {"regions": float(self._last_score.regions.regions)}
        if 0 < self._last_score.kappa < math.inf:
            metrics["kappa"] = self._last_score.kappa
        metrics["ntk_seconds"], metrics["region_seconds"] = self._seconds
        return metrics

    def _emit_interim(self, *, complete: bool) -> None:
        """Emit the table so far: after each draw, and every few seconds during a long one."""
        if complete or time.monotonic() - self._last_interim > INTERIM_SECONDS:
            self._last_interim = time.monotonic()
            self._context.emit(Interim(self.epoch + 1, report.extras(self._entry, self._tables)))

    def _announce(self) -> None:
        stages = 1 + self._selects_edges
        epochs = 1 if self._selecting else self.epochs - self._selects_edges
        self._context.emit(StageStarted(self.stage, stages, epochs, EDGES if self._selecting else OPERATIONS))

    def _warn(self, tables: Sequence[Table]) -> None:
        """Warn of anything that makes the numbers of an epoch less reliable than they look."""
        where = f"Round {self.epoch}:"
        if lost := report.uninformative_draws(tables):
            draws = sum(len(table.draws()) for table in tables)
            rest = " Only regions decided." if len(lost) == draws and self._settings.draws == "shared" else ""
            self._context.emit(
                Warned(
                    "singular",
                    f"{where} with {len(lost)} of {draws} draws the NTK before the cut is singular and kappa infinite:"
                    f" they say nothing about kappa.{rest}",
                )
            )
        share = report.metrics(tables, self._samples)["region_share"]
        if share > 100 * NEAR_SATURATION:
            self._context.emit(
                Warned(
                    "saturated",
                    f"{where} {share:.1f} % of the samples have a linear region of their own, so the count says more "
                    "about the samples than about the network. Raise region_samples.",
                )
            )


def _plain(live: Candidates | None) -> dict[str, list[list[int]]] | None:
    return None if live is None else {kind: [list(row) for row in rows] for kind, rows in live.items()}


def _candidates(plain: Mapping[str, Sequence[Sequence[int]]]) -> Candidates:
    return {kind: tuple(tuple(row) for row in rows) for kind, rows in plain.items()}
