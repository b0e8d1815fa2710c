"""The memory of a search whose pools of operations are pruned and refilled from stage to stage (PR-DARTS)."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import torch

from engine.architecture.parameters import ArchitectureParameters
from engine.core.batch_growth import Growth
from engine.method import Context
from engine.methods.prdarts.operation_pool import Pool
from engine.methods.prdarts.transition import Change, Transition, transition
from engine.methods.prdarts.weight_transfer import Inheritance, accuracy, differences, inherit_all, load_matching
from engine.spaces.darts.discovering import DiscoveringDarts
from engine.spaces.darts.supernet import DartsSupernet
from engine.spaces.space import Candidates, SearchSpace
from runs.catalogue import Space
from runs.catalogue.adaptive_batch import GrowingBatchSettings
from runs.catalogue.morphing import MorphingSettings
from runs.catalogue.spaces.darts import DartsSettings
from runs.genotypes import cell_networks, darts, derive
from runs.genotypes.cell_networks import NORMAL, REDUCE
from runs.genotypes.composition import kernel_shares, similarity, type_shares
from runs.genotypes.genotype import Genotype
from runs.genotypes.operations import Cost
from runs.log.events import Warned

if TYPE_CHECKING:
    from engine.search.loop import DifferentiableSearch


class OperationPools:
    """What lives on every edge and how it came there; makes the next stage. An epoch callback.

    Args:
        context: what the run gives.
        settings: the plan of stages, and how far morphisms go.
        growth: of the batch; None where it keeps its size.
        faithful: whether to refill and inherit as the public code does (prdarts.md 13, F1 to F3).
    """

    def __init__(self, context: Context, settings: MorphingSettings, growth: Growth | None, *, faithful: bool) -> None:
        assert isinstance(context.space, DiscoveringDarts)
        self._context, self._settings, self._space = context, settings, context.space
        self._growth, self._faithful = growth, faithful
        self._plan = settings.plan
        entry = self._space.entry
        self._pool = Pool.initial(settings.operations, entry.cells, len(entry.edges))
        self._space.know(settings.operations)
        # What led to the stage in progress, for its first report.
        self._transition: dict[str, Any] | None = None

    # What the loop's strategies are ----------------------------------------------------------------------------

    def candidates(self, space: Space) -> Candidates:
        """Return what lives on every edge, as columns of a space that knows all of it."""
        return {
            kind: tuple(tuple(sorted(map(space.operations.index, names))) for names in edges)
            for kind, edges in self._pool.active().items()
        }

    def derive(self, space: SearchSpace, architecture: ArchitectureParameters, candidates: Candidates) -> Genotype:
        """Return the cells that the rule of the last stage would leave now (prdarts.md 10)."""
        active = self._pool.active()
        cells = {
            kind: derive.prdarts(rows, active[kind], none_competes=self._settings.none_competes)
            for kind, rows in self._alphas(architecture).items()
        }
        return darts.genotype(cells[NORMAL], cells[REDUCE])

    def leave(self, search: DifferentiableSearch) -> None:
        """Prune and refill every edge, and build the next stage on what the last one has learned (prdarts.md 5, 7)."""
        runtime, before = self._context.runtime, accuracy(search)
        done = self._end_of(search.stage - 1, search.architecture)
        weights = {}
        if self._plan[search.stage].carries:
            # On the host: where they do not lie already, the device is thus free of the old supernet.
            weights = {name: tensor.cpu() for name, tensor in search.supernet.state_dict().items()}
        else:
            told = "The next stage has another depth or width: its weights are all new, and no operation inherits."
            self._context.emit(Warned("weights_not_carried", told))
        self._pool = done.pool
        self._know()
        if self._growth is not None:
            search.batch_size = self._growth.begin()
        search.build(self.candidates(self._space.entry))
        runtime.forget_peak()
        supernet, columns = search.supernet, self._space.entry.operations.index
        assert isinstance(supernet, DartsSupernet)
        heirs = done.heirs if weights else ()
        made = [
            Inheritance(one.cell, one.edge, columns(one.parent), columns(one.operation), one.morph) for one in heirs
        ]
        carried = load_matching(supernet, weights)
        inherit_all(supernet, made, runtime.generator("new channels"))
        changed = {
            (heir.cell, heir.edge, heir.operation): difference
            for heir, difference in zip(heirs, differences(search, made), strict=True)
        }
        self._transition = {
            "changes": _changes(done, changed),
            "inherited_again": [
                {"cell": heir.cell, "edge": heir.edge, "operation": heir.operation, "parent": heir.parent}
                for heir in heirs
                if not heir.fresh
            ],
            "carried_share": carried,
            "accuracy_before": before,
            "accuracy_after": accuracy(search),
        }

    # What a memory is ------------------------------------------------------------------------------------------

    def prepare(self, search: DifferentiableSearch) -> None:
        """Say so where a batch that is to grow cannot."""
        settings = self._settings
        assert isinstance(settings, GrowingBatchSettings)
        if self._growth is None and settings.batch_size_max > settings.batch_size:
            told = f"On a CPU the batch stays at {settings.batch_size} images; with a memory_limit it grows."
            self._context.emit(Warned("batch_kept", told))

    def end_epoch(self, search: DifferentiableSearch) -> dict[str, Any]:
        """Return what there is to know of pools, supernet and memory; at both ends of a stage what happened there."""
        stage, runtime = self._plan[search.stage], self._context.runtime
        told = {"batch_size": search.batch_size} | self._figures(search)
        if runtime.device.type == "cuda":  # on a CPU it is the whole process's, of the whole run, and never repeats
            told["memory_peak"] = runtime.memory()
            runtime.forget_peak()
        if search.epoch == stage.first_epoch:
            told["pool"] = self._pool.to_json()
            if self._transition is not None:
                told["transition"] = self._transition
        if stage.last and search.epoch == stage.first_epoch + stage.epochs - 1:
            told["choice"] = _changes(self._end_of(search.stage, search.architecture), {})
        return told

    def state(self) -> dict[str, Any]:
        """Return pools, columns and what led to the stage in progress."""
        return {
            "pool": self._pool.to_json(),
            "operations": list(self._space.entry.operations),
            "transition": self._transition,
            "growth": None if self._growth is None else self._growth.state(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from :meth:`state`."""
        self._pool = Pool.from_json(state["pool"])
        self._space.know(state["operations"])
        self._transition = state["transition"]
        if self._growth is not None:
            self._growth.load(state["growth"])

    # How it is done --------------------------------------------------------------------------------------------

    def _end_of(self, stage: int, architecture: ArchitectureParameters) -> Transition:
        """Return what follows the end of a stage; draws parents and morphisms where it refills."""
        plan, generator = self._plan[stage], self._context.runtime.generator("morphisms")
        return transition(
            self._pool,
            {kind: derive.softmax(rows) for kind, rows in self._alphas(architecture).items()},
            Change(stage, plan.keep, plan.morphs, plan.last),
            self._settings.limits,
            lambda: torch.rand((), generator=generator, dtype=torch.float64).item(),
            faithful=self._faithful,
            none_competes=self._settings.none_competes,
        )

    def _know(self) -> None:
        """Give what was just discovered columns behind those that there are."""
        found = itertools.chain.from_iterable(cell.discovered for cell in self._pool.cells.values())
        self._space.know(dict.fromkeys([*self._space.entry.operations, *found]))

    def _alphas(self, architecture: ArchitectureParameters) -> dict[str, list[list[float]]]:
        """Return by kind of cell, for each edge, the alphas of what lives there, in order of discovery."""
        columns = {name: place for place, name in enumerate(self._space.entry.operations)}
        active = self._pool.active()
        return {
            kind: [
                [row[columns[name]] for name in names] for row, names in zip(rows.tolist(), active[kind], strict=True)
            ]
            for kind, rows, _ in architecture.matrices()
        }

    def _figures(self, search: DifferentiableSearch) -> dict[str, Any]:
        active = self._pool.active()
        within, ever = self._settings.reachable
        alike = {kind: [similarity(names) for names in edges] for kind, edges in active.items()}
        all_of = {kind: list(itertools.chain.from_iterable(edges)) for kind, edges in active.items()}
        cost = self._supernet_cost(search.stage)
        return {
            "supernet_parameters": cost.parameters,
            "supernet_macs": cost.macs,
            "discovered": {kind: len(cell.discovered) for kind, cell in self._pool.cells.items()},
            "reachable_within_stages": within,
            "reachable_ever": ever,
            "pool_similarity": alike,
            "pool_similarity_mean": {kind: sum(edges) / len(edges) for kind, edges in alike.items()},
            "pool_types": {kind: type_shares(names) for kind, names in all_of.items()},
            "pool_kernels": {
                kind: {str(kernel): share for kernel, share in kernel_shares(names).items()}
                for kind, names in all_of.items()
            },
            "convolution_share": {
                kind: [type_shares(names)["conv"] for names in edges] for kind, edges in active.items()
            },
        }

    def _supernet_cost(self, stage: int) -> Cost:
        settings, plan = self._settings, self._plan[stage]
        assert isinstance(settings, DartsSettings)
        return cell_networks.supernet(
            self._pool.active(),
            self._space.entry.edges,
            channels=settings.channels + plan.added_channels,
            layers=settings.layers + plan.added_layers,
            classes=self._context.dataset.classes or 0,
            size=self._context.images.size,
            stem=settings.stem,
        )


def _changes(done: Transition, changed: dict[tuple[str, int, str], float]) -> list[dict[str, Any]]:
    """Return what happened on each edge as JSON, with max |child - parent| of what inherited."""
    told = []
    for change in done.changes:
        raw = change.to_json()
        for child in raw["added"]:
            child["difference"] = changed.get((change.cell, change.edge, child["operation"]))
        told.append(raw)
    return told
