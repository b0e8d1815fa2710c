"""The loop of a search by queries: one query a unit of work, a fixed number of them an epoch."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from engine.method import Context, EpochReport, Position
from engine.query.codec import Codec
from engine.query.dice import Dice
from engine.query.evaluator import TableEvaluator
from engine.query.record import Record
from engine.query.strategy import Strategy
from runs import queries
from runs.catalogue.queries import QuerySettings
from runs.errors import EnvironmentLacksError, UsageError
from runs.events import CellSnapshot, StageStarted
from runs.genotypes import nasbench201
from runs.genotypes.genotype import Genotype
from runs.home import Home


class QuerySearch:
    """Asks the benchmark table of its space until the budget is spent: see :class:`engine.method.Method`.

    The query that uses the seconds up is the last; it counts, as in the benchmark's own runs.

    Args:
        context: of the run.
        strategy: made for the cells of the space.

    Raises:
        EnvironmentLacksError: there is no table, it has gaps, or it lacks the seconds that the budget is in.
        UsageError: the table knows nothing of the data set.
    """

    def __init__(self, context: Context, strategy: Callable[[Codec, Dice], Strategy]) -> None:
        assert isinstance(context.settings, QuerySettings)
        self._context, self._settings, self._space = context, context.settings, context.space.entry
        # A run lies in its home; a measurement of speed has no run.
        home = Home.locate() if context.folder == Path() else Home(context.folder.parent.parent)
        self._answers = queries.answers(home, self._space.name, context.dataset.name)
        if self._settings.budget_seconds and self._answers.seconds is None:
            raise EnvironmentLacksError(
                f"The table '{self._answers.table.name}' does not know how long a training takes.",
                "Set budget_seconds=0 and the budget in queries, or import a table with a column of seconds.",
            )
        self._evaluator = TableEvaluator(self._answers)
        dice = Dice(context.runtime.generator("queries"))
        self.strategy = strategy(Codec(len(self._space.edges), len(self._space.operations)), dice)
        self.record = Record()
        self.epochs = -(-self._settings.queries // self._settings.epoch_queries)
        self.epoch = self.stage = 0
        self._queried: list[tuple[list[int], float]] = []

    def prepare(self) -> None:
        """Begin."""
        self._context.emit(StageStarted(0, 1, self.epochs, "queries"))

    def advance(self) -> EpochReport | None:
        """Query one cell."""
        cell = self.strategy.propose()
        answer = self._evaluator.query(cell)
        self.strategy.learn(cell, answer.accuracy)
        self.record.take(cell, answer)
        self._queried.append((list(cell), answer.accuracy))
        if spent := 0 < self._settings.budget_seconds <= self.record.seconds:
            self.epochs = self.epoch + 1
        if not spent and len(self._queried) < self._epoch_queries():
            return None
        self.epoch += 1
        report = self._report()
        self._queried = []
        return report

    def position(self) -> Position:
        """Say how many queries of the epoch are done."""
        metrics = {"search_accuracy": self.record.accuracy} if self.record.queries else {}
        return Position(len(self._queried), self._epoch_queries(), metrics=metrics)

    def genotype(self) -> Genotype:
        """Return the best cell that was queried."""
        return nasbench201.genotype(self.record.best)

    def weights(self) -> Mapping[str, Tensor]:
        """Return nothing: no network is trained."""
        return {}

    def state(self) -> dict[str, Any]:
        """Return everything that decides what comes next, but for the generator, which the runtime keeps."""
        return {
            "epoch": self.epoch,
            "epochs": self.epochs,
            "record": self.record.state(),
            "queried": self._queried,
            "strategy": self.strategy.state(),
            "table": self._answers.table.header.sha256,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a state.

        Raises:
            UsageError: the table is another than the one that the search began with.
        """
        if state["table"] != self._answers.table.header.sha256:
            raise UsageError(
                f"The table '{self._answers.table.name}' is another than when this run began: its answers would mix.",
                "Import the one before again, or start a new run.",
            )
        self.epoch, self.epochs = state["epoch"], state["epochs"]
        self.record.load(state["record"])
        self._queried = list(state["queried"])
        self.strategy.load(state["strategy"])

    def _epoch_queries(self) -> int:
        """Return the queries of the epoch in progress: the last may have fewer."""
        length = self._settings.epoch_queries
        left = self._settings.queries - self.epoch * length
        return min(length, left) if left > 0 else length

    def _report(self) -> EpochReport:
        reached = self._evaluator.reached(self.record.best)
        metrics = {
            "search_accuracy": self.record.accuracy,
            "queried_accuracy": statistics.fmean(accuracy for _, accuracy in self._queried),
            "table_test_accuracy": reached,
            "regret": self._answers.table.regret(self._answers.report, reached),
            "queries": float(self.record.queries),
        }
        if self._answers.seconds is not None:
            metrics["simulated_seconds"] = self.record.seconds
        return EpochReport(
            self.genotype(),
            metrics,
            architecture=self._architecture(),
            extras={"queried": self._queried, **self.strategy.extras()},
        )

    def _architecture(self) -> dict[str, CellSnapshot]:
        shares = self.strategy.shares()
        if shares is None:
            return {}
        snapshot = CellSnapshot(
            edges=[f"{target}←{source}" for source, target in self._space.edges],
            operations=list(self._space.operations),
            weights=shares,
            alive=[[True] * len(self._space.operations) for _ in self._space.edges],
            chosen=list(self.record.best),
        )
        return {self._space.cells[0]: snapshot}
