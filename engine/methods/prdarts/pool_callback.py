"""The epoch callback of PR-DARTS: it reports the operation pools and saves their state."""

from __future__ import annotations

import itertools
from typing import Any

from engine.core.batch_growth import BatchGrowth
from engine.method import Context
from engine.methods.prdarts.pool_transitions import OperationPools, changes_json
from engine.methods.prdarts.settings import Settings
from engine.search.skip_dropout import SkipDropout
from engine.search.step import EpochContext, EpochEnd, EpochPosition, SearchState
from runs.genotypes import cell_networks
from runs.genotypes.composition import kernel_shares, similarity, type_shares
from runs.genotypes.operations import Cost
from runs.log.events import Warned


class OperationPoolCallback:
    """Reports pools, supernet and memory. See :class:`engine.search.step.EpochCallback`.

    Args:
        context: of the run.
        pools: of the search.
        growth: of the batch; None for a fixed size.
        dropout: set at the start of each epoch.
    """

    def __init__(
        self, context: Context[Settings], pools: OperationPools, growth: BatchGrowth | None, dropout: SkipDropout
    ) -> None:
        self._context, self._pools, self._growth, self._dropout = context, pools, growth, dropout
        self._plan = context.settings.plan

    def on_start(self, context: EpochContext) -> None:
        """Warn if a batch that should grow cannot."""
        settings = self._context.settings
        if self._growth is None and settings.batch_size_max > settings.batch_size:
            message = f"On a CPU the batch stays at {settings.batch_size} images; with a memory_limit it grows."
            self._context.emit(Warned("batch_kept", message))

    def on_epoch_start(self, state: SearchState, position: EpochPosition) -> None:
        """Set the dropout on skip connections."""
        self._dropout.on_epoch_start(state, position)

    def on_epoch_end(self, context: EpochContext) -> EpochEnd:
        """Report pools and memory; in the first and the last epoch of a stage also its start and its end."""
        position, runtime, pools = context.position, self._context.runtime, self._pools
        stage = self._plan[position.stage]
        extras = {"batch_size": context.state.batch_size} | self._figures(position.stage)
        if runtime.device.type == "cuda":  # a CPU reports the whole process over the whole run, which varies
            extras["memory_peak"] = runtime.memory()
            runtime.forget_peak()
        if position.epoch == stage.first_epoch:
            extras["pool"] = pools.pool.to_json()
            if pools.last_transition is not None:
                extras["transition"] = pools.last_transition
        if stage.last and position.epoch == stage.first_epoch + stage.epochs - 1:
            extras["choice"] = changes_json(pools.end_of(position.stage, context.state.architecture).changes, {})
        return EpochEnd(extras)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the pools and the batch size."""
        return self._pools.state_dict() | {"growth": None if self._growth is None else self._growth.state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the result of :meth:`state_dict`."""
        self._pools.load_state_dict(state)
        if self._growth is not None:
            self._growth.load(state["growth"])

    def _figures(self, stage: int) -> dict[str, Any]:
        cells, active = self._pools.pool.cells, self._pools.pool.active()
        within, ever = self._context.settings.reachable
        alike = {kind: [similarity(names) for names in edges] for kind, edges in active.items()}
        of_kind = {kind: list(itertools.chain.from_iterable(edges)) for kind, edges in active.items()}
        cost = self._supernet_cost(stage)
        return {
            "supernet_parameters": cost.parameters,
            "supernet_macs": cost.macs,
            "discovered": {kind: len(cell.discovered) for kind, cell in cells.items()},
            "reachable_within_stages": within,
            "reachable_ever": ever,
            "pool_similarity": alike,
            "pool_similarity_mean": {kind: sum(edges) / len(edges) for kind, edges in alike.items()},
            "pool_types": {kind: type_shares(names) for kind, names in of_kind.items()},
            "pool_kernels": {
                kind: {str(kernel): share for kernel, share in kernel_shares(names).items()}
                for kind, names in of_kind.items()
            },
            "convolution_share": {
                kind: [type_shares(names)["conv"] for names in edges] for kind, edges in active.items()
            },
        }

    def _supernet_cost(self, stage: int) -> Cost:
        settings, plan = self._context.settings, self._plan[stage]
        return cell_networks.supernet(
            self._pools.pool.active(),
            self._context.space.entry.edges,
            channels=settings.channels + plan.added_channels,
            layers=settings.layers + plan.added_layers,
            classes=self._context.dataset.classes or 0,
            size=self._context.images.size,
            stem=settings.stem,
        )
