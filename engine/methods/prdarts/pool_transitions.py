"""The operation pools of a PR-DARTS search, and the transitions that prune and refill them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from engine.architecture.parameters import ArchitectureParameters
from engine.core.batch_growth import BatchGrowth
from engine.method import Context
from engine.methods.prdarts.operation_pool import Pool
from engine.methods.prdarts.settings import Settings
from engine.methods.prdarts.transition import EdgeChange, TransitionResult, TransitionRules, transition
from engine.methods.prdarts.weight_transfer import Inheritance, differences, inherit_all, load_matching
from engine.search.evaluation import accuracy
from engine.search.step import EpochContext, Handover
from engine.spaces.darts.discovering import DiscoveringDarts
from engine.spaces.darts.supernet import darts_supernet
from engine.spaces.space import Candidates, SearchSpace
from runs.catalogue import Space
from runs.genotypes import darts, derive
from runs.genotypes.cell_networks import NORMAL, REDUCE
from runs.genotypes.genotype import Genotype
from runs.log.events import Warned

# The number of batches that measure how good a supernet is before and after a transition.
BATCHES = 4


class OperationPools:
    """The operations of every edge and their origin; makes the transitions between stages.

    Args:
        context: of the run.
        growth: of the batch; None for a fixed size.

    Attributes:
        pool: of the current stage.
        last_transition: what led to the current stage, for its first report; None in the first stage.
    """

    def __init__(self, context: Context[Settings], growth: BatchGrowth | None) -> None:
        if not isinstance(context.space, DiscoveringDarts):
            raise TypeError(f"operation pools need a space that can discover, not {type(context.space).__name__}")
        self._context, self._settings, self._space = context, context.settings, context.space
        self._growth = growth
        self._plan = self._settings.plan
        entry = self._space.entry
        self.pool = Pool.initial(self._settings.operations, entry.cells, len(entry.edges))
        self.last_transition: dict[str, Any] | None = None
        self._space.know(self._settings.operations)

    def candidates(self, space: Space) -> Candidates:
        """Return the operations of every edge, as columns of a space that contains all of them."""
        return {
            kind: tuple(tuple(sorted(map(space.operations.index, names))) for names in edges)
            for kind, edges in self.pool.active().items()
        }

    def discretize(self, space: SearchSpace, architecture: ArchitectureParameters, candidates: Candidates) -> Genotype:
        """Return the cells that the last stage's rule would leave now.

        See docs/methods/prdarts.md, "Final genotype".
        """
        active = self.pool.active()
        cells = {
            kind: derive.prdarts(rows, active[kind], none_competes=self._settings.none_competes)
            for kind, rows in self._alphas(architecture).items()
        }
        return darts.genotype(cells[NORMAL], cells[REDUCE])

    def transition(self, context: EpochContext) -> Handover:
        """Prune and refill every edge, and extract what the next stage inherits.

        See :class:`engine.search.step.Transition`, and docs/methods/prdarts.md, "Prune and replace" and
        "Training inside a stage".
        """
        state, stage = context.state, context.position.stage
        before = accuracy(context, context.evaluation_weights(), BATCHES).percent
        result = self.end_of(stage, state.architecture)
        weights: dict[str, Tensor] = {}
        if self._settings.carry_weights and self._plan[stage + 1].carries:
            # On the host, so that the device is free of the old supernet.
            weights = {name: tensor.cpu() for name, tensor in state.supernet.state_dict().items()}
        elif self._settings.carry_weights:
            message = "The next stage has another depth or width: its weights are all new, and no operation inherits."
            self._context.emit(Warned("weights_not_carried", message))
        self.pool = result.pool
        self._know()
        return Handover(
            self.candidates(self._space.entry),
            partial(self._restore, result, weights, before),
            batch_size=None if self._growth is None else self._growth.begin(),
        )

    def end_of(self, stage: int, architecture: ArchitectureParameters) -> TransitionResult:
        """Return the result of the end of a stage; draws parents and morphisms if it refills."""
        plan, generator = self._plan[stage], self._context.runtime.generator("morphisms")
        return transition(
            self.pool,
            {kind: derive.softmax(rows) for kind, rows in self._alphas(architecture).items()},
            TransitionRules(stage, plan.keep, plan.morphs, plan.last),
            self._settings.limits,
            lambda: torch.rand((), generator=generator, dtype=torch.float64).item(),
            faithful=self._settings.mode == "faithful",
            none_competes=self._settings.none_competes,
        )

    def state_dict(self) -> dict[str, Any]:
        """Return the pools, the columns and what led to the current stage."""
        return {
            "pool": self.pool.to_json(),
            "operations": list(self._space.entry.operations),
            "transition": self.last_transition,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the result of :meth:`state_dict`."""
        self.pool = Pool.from_json(state["pool"])
        self._space.know(state["operations"])
        self.last_transition = state["transition"]

    def _restore(
        self, result: TransitionResult, weights: Mapping[str, Tensor], before: float, context: EpochContext
    ) -> None:
        """Copy the inherited weights to the new supernet; measure how much its function has changed."""
        runtime = self._context.runtime
        runtime.forget_peak()
        supernet, column = darts_supernet(context.state.supernet), self._space.entry.operations.index
        heirs = result.heirs if weights else ()
        made = [Inheritance(one.cell, one.edge, column(one.parent), column(one.operation), one.morph) for one in heirs]
        carried = load_matching(supernet, weights)
        inherit_all(supernet, made, runtime.generator("new channels"))
        changed = {
            (heir.cell, heir.edge, heir.operation): difference
            for heir, difference in zip(heirs, differences(context, supernet, made), strict=True)
        }
        self.last_transition = {
            "changes": changes_json(result.changes, changed),
            "inherited_again": [
                {"cell": heir.cell, "edge": heir.edge, "operation": heir.operation, "parent": heir.parent}
                for heir in heirs
                if not heir.fresh
            ],
            "carried_share": carried,
            "accuracy_before": before,
            "accuracy_after": accuracy(context, context.evaluation_weights(), BATCHES).percent,
        }

    def _know(self) -> None:
        """Append columns to the space for newly discovered operations."""
        found = itertools.chain.from_iterable(cell.discovered for cell in self.pool.cells.values())
        self._space.know(dict.fromkeys([*self._space.entry.operations, *found]))

    def _alphas(self, architecture: ArchitectureParameters) -> dict[str, list[list[float]]]:
        """Return the alphas of each edge's active operations by kind of cell, in order of discovery."""
        columns = {name: column for column, name in enumerate(self._space.entry.operations)}
        active = self.pool.active()
        return {
            kind: [
                [row[columns[name]] for name in names] for row, names in zip(rows.tolist(), active[kind], strict=True)
            ]
            for kind, rows, _ in architecture.matrices()
        }


def changes_json(
    changes: tuple[EdgeChange, ...], differences: Mapping[tuple[str, int, str], float]
) -> list[dict[str, Any]]:
    """Return the changes of each edge as JSON, with max |child - parent| for each child that inherits."""
    records = []
    for change in changes:
        record = change.to_json()
        for child in record["added"]:
            child["difference"] = differences.get((change.cell, change.edge, child["operation"]))
        records.append(record)
    return records
