"""The loop of a search by queries: one after the other, a fixed number of them an epoch."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from engine.black_box.encoding import Cell, Codec, Coding, coding
from engine.black_box.evaluator import Evaluator, TableEvaluator
from engine.black_box.incumbent import Record
from engine.black_box.optimizer import Strategy
from engine.black_box.rng import Dice
from engine.black_box.short_training import ShortTraining
from engine.method import Context, EpochReport, Position
from runs.benchmarks import tabular_queries
from runs.catalogue.black_box import QuerySettings
from runs.errors import EnvironmentLacksError
from runs.genotypes.genotype import Genotype
from runs.home import Home
from runs.log.events import CellSnapshot, StageStarted


class QuerySearch:
    """Asks what cells reach until the budget is spent: see :class:`engine.method.Method`.

    The query that uses the seconds up is the last; it counts, as in the benchmark's own runs.

    Args:
        context: of the run.
        strategy: made for the cells of the space.
        evaluator: answers the queries; the one of the settings if left out.

    Raises:
        EnvironmentLacksError: there is no table, it has gaps, or it lacks the seconds that the budget is in.
        UsageError: the table knows nothing of the data set.
    """

    def __init__(
        self, context: Context, strategy: Callable[[Codec, Dice], Strategy], evaluator: Evaluator | None = None
    ) -> None:
        assert isinstance(context.settings, QuerySettings)
        self._context, self._settings, self._space = context, context.settings, context.space.entry
        self._coding = coding(self._space)
        self._evaluator = evaluator or _evaluator(context, self._coding)
        self.strategy = strategy(self._coding.codec, Dice(context.runtime.generator("queries")))
        self.record = Record()
        self.epochs = -(-self._settings.queries // self._settings.epoch_queries)
        self.epoch = self.stage = 0
        self._asked: Cell | None = None
        self._queried: list[tuple[list[int], float]] = []

    def prepare(self) -> None:
        """Begin."""
        self._context.emit(StageStarted(0, 1, self.epochs, "queries"))

    def advance(self) -> EpochReport | None:
        """Do a unit of work of the query in progress, or of the next."""
        cell = self.strategy.propose() if self._asked is None else self._asked
        answer = self._evaluator.advance(cell)
        self._asked = cell if answer is None else None
        if answer is None:
            return None
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
        """Say how much of the epoch is done."""
        metrics = {"search_accuracy": self.record.accuracy} if self.record.queries else {}
        units = self._evaluator.units
        step = len(self._queried) * units + self._evaluator.done
        return Position(step, self._epoch_queries() * units, self._evaluator.images, metrics)

    def genotype(self) -> Genotype:
        """Return the best cell that was queried."""
        return self._coding.genotype(self.record.best)

    def weights(self) -> Mapping[str, Tensor]:
        """Return nothing: no network is trained."""
        return {}

    def state(self) -> dict[str, Any]:
        """Return everything that decides what comes next, but for the generator, which the runtime keeps."""
        return {
            "epoch": self.epoch,
            "epochs": self.epochs,
            "record": self.record.state(),
            "asked": None if self._asked is None else list(self._asked),
            "queried": self._queried,
            "strategy": self.strategy.state(),
            "evaluator": self._evaluator.state(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a state.

        Raises:
            UsageError: the answers would be others than those that the search began with.
        """
        self._evaluator.load(state["evaluator"])
        self.epoch, self.epochs = state["epoch"], state["epochs"]
        self.record.load(state["record"])
        self._asked = None if state["asked"] is None else tuple(state["asked"])
        self._queried = list(state["queried"])
        self.strategy.load(state["strategy"])

    def _epoch_queries(self) -> int:
        """Return the queries of the epoch in progress: the last may have fewer."""
        length = self._settings.epoch_queries
        left = self._settings.queries - self.epoch * length
        return min(length, left) if left > 0 else length

    def _report(self) -> EpochReport:
        metrics = {
            "search_accuracy": self.record.accuracy,
            "queried_accuracy": statistics.fmean(accuracy for _, accuracy in self._queried),
            "queries": float(self.record.queries),
            **self._evaluator.metrics(self.record.best, self.record.seconds),
        }
        return EpochReport(
            self.genotype(),
            metrics,
            architecture=self._architecture(),
            extras={"queried": self._queried, **self.strategy.extras()},
        )

    def _architecture(self) -> dict[str, CellSnapshot]:
        shares = self.strategy.shares()
        if shares is None or not self._coding.by_edge:
            return {}
        snapshot = CellSnapshot(
            edges=list(self._space.edges),
            operations=list(self._space.operations),
            weights=shares,
            alive=[[True] * len(self._space.operations) for _ in self._space.edges],
            chosen=list(self.record.best),
        )
        return {self._space.cells[0]: snapshot}


def _evaluator(context: Context, coding: Coding) -> Evaluator:
    """Return what answers the queries of a run."""
    settings = context.settings
    assert isinstance(settings, QuerySettings)
    if settings.evaluator == "training":
        return ShortTraining(context, coding)
    # A run lies in its home; a measurement of speed has no run.
    home = Home.locate() if context.folder == Path() else Home(context.folder.parent.parent)
    answers = tabular_queries.answers(home, context.space.entry.name, context.dataset.name)
    if settings.budget_seconds and answers.seconds is None:
        raise EnvironmentLacksError(
            f"The table '{answers.table.name}' does not know how long a training takes.",
            "Set budget_seconds=0 and the budget in queries, or import a table with a column of seconds.",
        )
    return TableEvaluator(answers)
