"""The loop of a black-box search: one evaluation after another, a fixed number of them in each epoch."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from engine.black_box.encoding import Cell, Codec, Coding, coding
from engine.black_box.evaluator import Evaluator, TableEvaluator
from engine.black_box.incumbent import Incumbent
from engine.black_box.optimizer import Optimizer
from engine.black_box.rng import Rng
from engine.black_box.short_training import ShortTraining
from engine.method import Context, EpochReport, Position
from runs.benchmarks import tabular_queries
from runs.catalogue.black_box import QuerySettings
from runs.errors import EnvironmentLacksError
from runs.genotypes.genotype import Genotype
from runs.home import Home
from runs.log.events import CellSnapshot, StageStarted

# Makes an optimiser for the cells of a space.
OptimizerFactory = Callable[[Codec, Rng], Optimizer]


class BlackBoxSearch:
    """Evaluates cells until the budget is spent. Implements :class:`engine.method.Method`.

    The evaluation that uses up the budget of seconds is the last one; it counts, as in the benchmark's own runs.

    Args:
        context: of the run.
        make_optimizer: makes the optimiser for the cells of the space.
        evaluator: evaluates the cells; by default the one that the settings name.

    Attributes:
        optimizer: chooses the cells.
        incumbent: the best of them.

    Raises:
        EnvironmentLacksError: there is no table, it has gaps, or it lacks the seconds that the budget counts.
        UsageError: the table does not cover the data set.
    """

    def __init__(
        self, context: Context[QuerySettings], make_optimizer: OptimizerFactory, evaluator: Evaluator | None = None
    ) -> None:
        self._context, self._settings, self._space = context, context.settings, context.space.entry
        self._coding = coding(self._space)
        self._evaluator = evaluator or make_evaluator(context, self._coding)
        self.optimizer = make_optimizer(self._coding.codec, Rng(context.runtime.generator("queries")))
        self.incumbent = Incumbent()
        self.epochs = -(-self._settings.queries // self._settings.epoch_queries)
        self.epoch = self.stage = 0
        self._pending: Cell | None = None  # requested, not yet told
        self._evaluated: list[tuple[list[int], float]] = []  # in this epoch

    def prepare(self) -> None:
        """Announce the only stage."""
        self._context.emit(StageStarted(0, 1, self.epochs, "queries"))

    def advance(self) -> EpochReport | None:
        """Do a unit of work of the current evaluation, or of the next one."""
        cell = self.optimizer.ask() if self._pending is None else self._pending
        evaluation = self._evaluator.advance(cell)
        self._pending = cell if evaluation is None else None
        if evaluation is None:
            return None
        self.optimizer.tell(cell, evaluation.accuracy)
        self.incumbent.update(cell, evaluation)
        self._evaluated.append((list(cell), evaluation.accuracy))
        if spent := 0 < self._settings.budget_seconds <= self.incumbent.seconds:
            self.epochs = self.epoch + 1
        if not spent and len(self._evaluated) < self._epoch_queries():
            return None
        self.epoch += 1
        report = self._report()
        self._evaluated = []
        return report

    def position(self) -> Position:
        """Return the position in the epoch and the best accuracy so far."""
        metrics = {"search_accuracy": self.incumbent.accuracy} if self.incumbent.queries else {}
        units = self._evaluator.units
        step = len(self._evaluated) * units + self._evaluator.done
        return Position(step, self._epoch_queries() * units, self._evaluator.images, metrics)

    def genotype(self) -> Genotype:
        """Return the best cell so far."""
        return self._coding.genotype(self.incumbent.best)

    def weights(self) -> Mapping[str, Tensor]:
        """Return no weights: no network is kept."""
        return {}

    def state(self) -> dict[str, Any]:
        """Return everything that determines what comes next, except the generator, which the runtime keeps."""
        return {
            "epoch": self.epoch,
            "epochs": self.epochs,
            "record": self.incumbent.state(),
            "asked": None if self._pending is None else list(self._pending),
            "queried": self._evaluated,
            "strategy": self.optimizer.state(),
            "evaluator": self._evaluator.state(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore a saved state.

        Raises:
            UsageError: the evaluations would differ from those that the search began with.
        """
        self._evaluator.load(state["evaluator"])
        self.epoch, self.epochs = state["epoch"], state["epochs"]
        self.incumbent.load(state["record"])
        self._pending = None if state["asked"] is None else tuple(state["asked"])
        self._evaluated = list(state["queried"])
        self.optimizer.load(state["strategy"])

    def _epoch_queries(self) -> int:
        """Return the number of evaluations in the current epoch: the last epoch may have fewer."""
        length = self._settings.epoch_queries
        left = self._settings.queries - self.epoch * length
        return min(length, left) if left > 0 else length

    def _report(self) -> EpochReport:
        metrics = {
            "search_accuracy": self.incumbent.accuracy,
            "queried_accuracy": statistics.fmean(accuracy for _, accuracy in self._evaluated),
            "queries": float(self.incumbent.queries),
            **self._evaluator.metrics(self.incumbent.best, self.incumbent.seconds),
        }
        return EpochReport(
            self.genotype(),
            metrics,
            architecture=self._architecture(),
            extras={"queried": self._evaluated, **self.optimizer.extras()},
        )

    def _architecture(self) -> dict[str, CellSnapshot]:
        distribution = self.optimizer.distribution()
        if distribution is None or not self._coding.by_edge:
            return {}
        snapshot = CellSnapshot(
            edges=list(self._space.edges),
            operations=list(self._space.operations),
            weights=distribution,
            alive=[[True] * len(self._space.operations) for _ in self._space.edges],
            chosen=list(self.incumbent.best),
        )
        return {self._space.cells[0]: snapshot}


def make_evaluator(context: Context[QuerySettings], coding: Coding) -> Evaluator:
    """Return the evaluator that the settings of a run name: short trainings or a benchmark table.

    Raises:
        EnvironmentLacksError: there is no table, it has gaps, or it lacks the seconds that the budget counts.
        UsageError: the table does not cover the data set.
    """
    settings = context.settings
    if settings.evaluator == "training":
        return ShortTraining(context, coding)
    # A run's folder lies in its home; a speed measurement has no run.
    home = Home.locate() if context.folder == Path() else Home(context.folder.parent.parent)
    answers = tabular_queries.answers(home, context.space.entry.name, context.dataset.name)
    if settings.budget_seconds and answers.seconds is None:
        raise EnvironmentLacksError(
            f"The table '{answers.table.name}' has no training times, which budget_seconds needs.",
            "Set budget_seconds=0 and the budget in queries, or import a table with a column of seconds.",
        )
    return TableEvaluator(answers, coding.genotype)
