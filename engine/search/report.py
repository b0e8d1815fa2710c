"""The report that ends each epoch of a search."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.core.cuda_graphs import StepRunner
from engine.method import EpochReport
from engine.search import snapshots
from engine.search.collapse_monitor import CollapseMonitor
from engine.search.components import Components
from engine.search.context import SearchContext
from engine.search.metrics import SearchMetrics
from engine.spaces.space import SearchSpace
from runs.genotypes.genotype import Genotype
from runs.log.events import Event, Warned


class Reporter:
    """Puts together the results of an epoch, and warns if the search collapses.

    Args:
        space: of the run.
        components: of the method.
        metrics: of the current epoch.
        emit: emits the warning.
        steps: says whether steps are captured.
        architecture_rate: the learning rate of the architecture parameters in epochs that train them.

    Attributes:
        collapse: observes the genotypes; part of a checkpoint.
    """

    def __init__(
        self,
        space: SearchSpace,
        components: Components,
        metrics: SearchMetrics,
        emit: Callable[[Event], None],
        steps: StepRunner,
        *,
        architecture_rate: float,
    ) -> None:
        self._space, self._components, self._metrics, self._emit = space, components, metrics, emit
        self._steps = steps
        self._architecture_rate = architecture_rate
        self.collapse = CollapseMonitor()

    def report(self, context: SearchContext, genotype: Genotype, steps: int, extras: Mapping[str, Any]) -> EpochReport:
        """Return the report of the epoch that ends.

        Args:
            context: of the epoch.
            genotype: the genotype that the search would return now.
            steps: the number of steps of the epoch.
            extras: entries of the callback.
        """
        state, position, trains = context.state, context.position, context.trains_architecture
        cells, indicators = snapshots.take(self._space, state.architecture, self._components.relaxation, genotype)
        collapse = self.collapse.observe(genotype, trains)
        if alarm := self.collapse.alarm:
            self._emit(Warned("collapse", alarm))
        norm, clipped = self._metrics.gradients(steps)
        return EpochReport(
            genotype=genotype,
            metrics=self._metrics.read(),
            learning_rates={
                "weights": self._components.learning_rate(position.epoch, position.epochs),
                "architecture": self._architecture_rate if trains else 0.0,
            },
            architecture=cells,
            extras={
                **indicators,
                **collapse,
                "stage": {"number": position.stage + 1, **self._components.stages[position.stage].network},
                "operations_alive": {
                    kind: [len(kept) for kept in rows] for kind, rows in state.supernet.candidates.items()
                },
                "architecture_frozen": not trains,
                "gradient_norm": norm,
                "clipped_share": clipped,
                **self._steps.extras(),
                **extras,
            },
        )
