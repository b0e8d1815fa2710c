"""What one-stage ISTA-NAS does between epochs: freeze nodes, and reject cells that are too large.

See docs/methods/ista.md, "One-stage search".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from engine.method import Context
from engine.methods.ista.codes import Codes
from engine.methods.ista.recovery_callback import RecoveryCallback
from engine.methods.ista.sparse_code import SparseCode
from engine.methods.ista.sparse_coding import freezing
from engine.methods.ista.sparse_coding.freezing import Nodes
from engine.search.step import EpochContext, EpochEnd, EpochPosition, SearchState
from engine.spaces.darts.absorb import plain_network
from engine.spaces.darts.supernet import MixedCell, darts_supernet
from engine.spaces.space import Supernet
from engine.training.model_io import describe
from runs.catalogue.methods.ista_onestage import IstaOneStageSettings
from runs.catalogue.spaces.darts import DartsNetworkSettings
from runs.genotypes.darts import INPUTS
from runs.genotypes.genotype import Genotype
from runs.log.events import Warned


class FreezingCallback(RecoveryCallback):
    """Recovers the codes until every node is frozen or the search epochs are used up; then only weights are trained.

    Args:
        context: of the run.
        columns: the candidates of every edge.
        relaxation: receives the operations that run.
        parameters: counts the parameters of the network that a genotype stands for.

    Attributes:
        searched: the number of epochs that the search took; None until it ends.
        nodes: which of them are frozen, and the vectors last accepted.
    """

    def __init__(
        self,
        context: Context[IstaOneStageSettings],
        columns: Sequence[int],
        relaxation: SparseCode,
        *,
        parameters: Callable[[Genotype], int],
    ) -> None:
        settings, space = context.settings, context.space.entry
        super().__init__(settings, space, columns, relaxation, context.config.seed, context.emit)
        self.searched: int | None = None
        self._context, self._one_stage, self._space = context, settings, space
        self._parameters = parameters
        self._limit = settings.parameter_limit or None
        self.nodes = freezing.start([], 0)

    # Called by the search loop --------------------------------------------------------------------------------------

    def on_start(self, context: EpochContext) -> None:
        """Recover from the initial codes. Their cell is trained even if it is too large, with a warning."""
        super().on_start(context)
        parameters = self._parameters(self.genotype())
        self.nodes = freezing.start([sparse.x for sparse in self._relaxation.sparse], parameters, limit=self._limit)
        if not self.nodes.fits:
            self._emit(
                Warned(
                    "parameter_limit",
                    f"The initial cell has {parameters:,} parameters, {self._limit:,} are too many: the first smaller "
                    "one replaces it.",
                )
            )

    def on_epoch_start(self, state: SearchState, position: EpochPosition) -> None:
        """Train the batch norms of frozen nodes instead of their codes; set drop path for the coming epoch."""
        Codes.of(state.architecture).freeze(self.nodes.frozen)
        for norm in self._norms(state.supernet, [True] * len(self.slots)):
            norm.requires_grad_(False)
        for norm in self._norms(state.supernet, self.nodes.frozen):
            norm.requires_grad_(True)
        trained = 0 if self.searched is None else position.epoch - self.searched
        darts_supernet(state.supernet).drop_path = self._one_stage.drop_path * trained / self._one_stage.fixed_epochs

    def on_epoch_end(self, context: EpochContext) -> EpochEnd:
        """Recover the codes not yet frozen; decide what freezes and whether the cell changes, or end the search."""
        codes, position = Codes.of(context.state.architecture), context.position
        records = self._trained(codes)
        for record, frozen in zip(records, self.nodes.frozen, strict=True):
            record["frozen"] = frozen
        decided: dict[str, Any] = {}
        ends = self.searched is None and self.nodes.all_frozen
        if self.searched is None and not ends:
            decided = self._decide(context, codes, records)
            if position.epoch_of_stage + 1 == self._one_stage.epochs:
                if not self.nodes.all_frozen:
                    self._emit(Warned("not_frozen", self._stopped()))
                self.nodes = freezing.stop(self.nodes)
                ends = True
        if ends:
            self.searched = position.epoch + 1
        if position.epoch + 1 == position.epochs:
            self._describe()
        extras = self._extras(codes, records) | {
            "freezing": {
                "phase": "search" if self.searched is None else "training",
                "frozen": sum(self.nodes.frozen),
                "nodes": len(self.nodes.frozen),
                "threshold": self._one_stage.freeze_threshold,
                "limit": self._limit,
                "rejections": self.nodes.rejections,
                "unlocked": sum(
                    norm.weight.numel() * 2 for norm in self._norms(context.state.supernet, self.nodes.frozen)
                ),
                **decided,
            }
        }
        return EpochEnd(extras, ends_stage=ends)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the recoveries, and which nodes are frozen."""
        nodes = self.nodes
        return super().state_dict() | {
            "frozen": list(nodes.frozen),
            "still": list(nodes.still),
            "fits": nodes.fits,
            "rejections": nodes.rejections,
            "searched": self.searched,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a saved state."""
        super().load_state_dict(state)
        self.searched = state["searched"]
        self.nodes = Nodes(
            tuple(sparse.x for sparse in self._relaxation.sparse),
            tuple(state["frozen"]),
            tuple(state["still"]),
            state["fits"],
            state["rejections"],
        )

    # Decisions ------------------------------------------------------------------------------------------------------

    def _decide(self, context: EpochContext, codes: Codes, records: list[dict[str, Any]]) -> dict[str, Any]:
        recoveries = self._recover(context, codes, self.nodes.frozen)
        found = self._with_live_set(recoveries)
        proposed = [self._live(x) for x in freezing.candidate(self.nodes, found)]
        parameters = self._parameters(self.genotype_of([live for live in proposed if live is not None]))
        step = freezing.step(
            self.nodes,
            found,
            parameters,
            threshold=self._one_stage.freeze_threshold,
            limit=self._limit,
            patience=self._one_stage.freeze_epochs,
        )
        if not step.accepted and not self.nodes.rejections:
            self._emit(
                Warned(
                    "parameter_limit",
                    f"A cell of {parameters:,} parameters is not taken, {self._limit:,} are too many: the one before "
                    "is trained on.",
                )
            )
        for record, recovery, distance, frozen in zip(
            records, recoveries, step.distances, step.nodes.frozen, strict=True
        ):
            record.update(self._recovered(recovery), distance=distance, frozen=frozen)
        self.nodes = step.nodes
        self._use(codes, step.nodes.x)
        return {"candidate_parameters": parameters, "accepted": step.accepted}

    def _stopped(self) -> str:
        frozen = sum(self.nodes.frozen)
        return (
            f"After {self._one_stage.epochs} epochs {frozen} of {len(self.nodes.frozen)} nodes were frozen; all are "
            "now, with the vectors last accepted, and the network is trained on."
        )

    # Result ---------------------------------------------------------------------------------------------------------

    def result(self, state: SearchState) -> Mapping[str, Tensor]:
        """Return the weights of the plain network, with the multipliers absorbed."""
        alphas = self._relaxation.alphas(state.architecture).tolist()
        multipliers = {
            (kind, source, node + INPUTS, name): alpha
            for (kind, node), sparse, pair in zip(self.slots, self._relaxation.sparse, alphas, strict=True)
            for (source, name), alpha in zip(self._pairs(sparse.live), pair, strict=True)
        }
        network = plain_network(
            darts_supernet(state.supernet), self._space, self.genotype(), multipliers, self._network_settings()
        )
        return network.state_dict()

    def _describe(self) -> None:
        images, dataset = self._context.images, self._context.dataset
        self._context.artifacts.network(
            describe(self._network_settings(), self.genotype(), images.classes, images.size, dataset.mean, dataset.std)
        )

    def _network_settings(self) -> DartsNetworkSettings:
        """Return the settings of the plain network: those that it shares with the supernet."""
        options, given = DartsNetworkSettings.model_fields, self._one_stage.model_dump()
        return DartsNetworkSettings(**{key: given[key] for key in options if key in given} | {"norms": "all"})

    def _norms(self, supernet: Supernet, chosen: Sequence[bool]) -> Iterator[nn.BatchNorm2d]:
        """Yield the batch norms of all operations on the edges into the chosen nodes."""
        targets = {(kind, node + INPUTS) for (kind, node), yes in zip(self.slots, chosen, strict=True) if yes}
        for cell in supernet.modules():
            if isinstance(cell, MixedCell):
                for (_, target), edge in zip(self._space.edges, cell.edges, strict=True):
                    if (cell.kind, target) in targets:
                        yield from (norm for norm in edge.modules() if isinstance(norm, nn.BatchNorm2d))
