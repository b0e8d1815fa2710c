"""One-stage ISTA-NAS between epochs: nodes freeze, cells that are too large are not taken (ista.md 4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from engine.methods.ista.codes import Codes
from engine.methods.ista.recovery_callback import RecoveryCallback
from engine.methods.ista.sparse_code import SparseCode
from engine.methods.ista.sparse_coding import freezing
from engine.methods.ista.sparse_coding.freezing import Nodes
from engine.spaces.darts.absorb import plain_network
from engine.spaces.darts.supernet import DartsSupernet, MixedCell
from engine.training.model_io import describe
from runs.catalogue import Space
from runs.catalogue.methods.ista_onestage import IstaOneStageSettings
from runs.catalogue.spaces.darts import DartsNetworkSettings
from runs.genotypes.darts import INPUTS
from runs.genotypes.genotype import Genotype
from runs.log.events import Warned

if TYPE_CHECKING:
    from engine.search.loop import DifferentiableSearch


class FreezingCallback(RecoveryCallback):
    """Recovers until every node is frozen or the epochs of the search are over; from then on only weights learn.

    Args:
        settings: of the run.
        space, columns, relaxation, seed: see :class:`RecoveryCallback`.
        parameters: counts those of the network that a genotype stands for.

    Attributes:
        searched: epochs that the search took; None while it goes on.
    """

    def __init__(
        self,
        settings: IstaOneStageSettings,
        space: Space,
        columns: Sequence[int],
        relaxation: SparseCode,
        seed: int,
        *,
        parameters: Callable[[Genotype], int],
    ) -> None:
        super().__init__(settings, space, columns, relaxation, seed)
        self.searched: int | None = None
        self._one_stage = settings
        self._space = space
        self._parameters = parameters
        self._limit = settings.parameter_limit or None
        self._nodes = freezing.start([], 0)

    # What the search asks --------------------------------------------------------------------------------------

    def prepare(self, search: DifferentiableSearch) -> None:
        """Recover from the initial codes; their cell is trained whatever its size, but nobody is left in the dark."""
        super().prepare(search)
        parameters = self._parameters(self.genotype())
        self._nodes = freezing.start([place.x for place in self._relaxation.sparse], parameters, limit=self._limit)
        if not self._nodes.fits:
            search.context.emit(
                Warned(
                    "parameter_limit",
                    f"The initial cell has {parameters:,} parameters, {self._limit:,} are too many: the first smaller "
                    "one replaces it.",
                )
            )

    def end_epoch(self, search: DifferentiableSearch) -> dict[str, Any]:
        """Recover what is not frozen, decide what freezes and whether the cell changes; or end the search."""
        told = self._trained(search)
        for place, frozen in zip(told, self._nodes.frozen, strict=True):
            place["frozen"] = frozen
        decided: dict[str, Any] = {}
        if self.searched is None and self._nodes.all_frozen:
            self._end_search(search)
        elif self.searched is None:
            decided = self._decide(search, told)
            if search.epoch_of_stage + 1 == self._one_stage.epochs:
                if not self._nodes.all_frozen:
                    search.context.emit(Warned("not_frozen", self._stopped()))
                self._nodes = freezing.stop(self._nodes)
                self._end_search(search)
        if search.epoch + 1 == search.epochs:
            self._describe(search)
        return self._extras(search, told) | {
            "freezing": {
                "phase": "search" if self.searched is None else "training",
                "frozen": sum(self._nodes.frozen),
                "nodes": len(self._nodes.frozen),
                "threshold": self._one_stage.freeze_threshold,
                "limit": self._limit,
                "rejections": self._nodes.rejections,
                "unlocked": sum(norm.weight.numel() * 2 for norm in _norms(search, self.places, self._nodes.frozen)),
                **decided,
            }
        }

    def settle(self, search: DifferentiableSearch) -> None:
        """Let frozen nodes' batch norms learn and their codes not; set drop path for the epoch that begins."""
        assert isinstance(search.architecture, Codes)
        assert isinstance(search.supernet, DartsSupernet)
        search.architecture.freeze(self._nodes.frozen)
        for norm in _norms(search, self.places, [True] * len(self.places)):
            norm.requires_grad_(False)
        for norm in _norms(search, self.places, self._nodes.frozen):
            norm.requires_grad_(True)
        trained = 0 if self.searched is None else search.epoch - self.searched
        search.supernet.drop_path = self._one_stage.drop_path * trained / self._one_stage.fixed_epochs

    def state(self) -> dict[str, Any]:
        """Return the state of the recoveries, and which nodes are frozen."""
        nodes = self._nodes
        return super().state() | {
            "frozen": list(nodes.frozen),
            "still": list(nodes.still),
            "fits": nodes.fits,
            "rejections": nodes.rejections,
            "searched": self.searched,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        super().load(state)
        self.searched = state["searched"]
        self._nodes = Nodes(
            tuple(place.x for place in self._relaxation.sparse),
            tuple(state["frozen"]),
            tuple(state["still"]),
            state["fits"],
            state["rejections"],
        )

    # How it decides --------------------------------------------------------------------------------------------

    def _decide(self, search: DifferentiableSearch, told: list[dict[str, Any]]) -> dict[str, Any]:
        recoveries = self._recover(search, self._nodes.frozen)
        found = self._with_live_set(recoveries)
        proposed = [self._live(x) for x in freezing.candidate(self._nodes, found)]
        parameters = self._parameters(self.genotype_of([live for live in proposed if live is not None]))
        step = freezing.step(
            self._nodes,
            found,
            parameters,
            threshold=self._one_stage.freeze_threshold,
            limit=self._limit,
            patience=self._one_stage.freeze_epochs,
        )
        if not step.accepted and not self._nodes.rejections:
            search.context.emit(
                Warned(
                    "parameter_limit",
                    f"A cell of {parameters:,} parameters is not taken, {self._limit:,} are too many: the one before "
                    "is trained on.",
                )
            )
        for place, recovery, distance, frozen in zip(told, recoveries, step.distances, step.nodes.frozen, strict=True):
            place.update(self._recovered(recovery), distance=distance, frozen=frozen)
        self._nodes = step.nodes
        self._hold(search, step.nodes.x)
        return {"candidate_parameters": parameters, "accepted": step.accepted}

    def _end_search(self, search: DifferentiableSearch) -> None:
        search.end_stage()
        self.searched = search.epoch + 1

    def _stopped(self) -> str:
        frozen = sum(self._nodes.frozen)
        return (
            f"After {self._one_stage.epochs} epochs {frozen} of {len(self._nodes.frozen)} nodes were frozen; all are "
            "now, with the vectors last accepted, and the network is trained on."
        )

    # What it leaves --------------------------------------------------------------------------------------------

    def result(self, search: DifferentiableSearch) -> Mapping[str, Tensor]:
        """Return the weights of the plain network, multipliers absorbed; those of the supernet before its end."""
        assert isinstance(search.supernet, DartsSupernet)
        alphas = self._relaxation.alphas(search.architecture).tolist()
        multipliers = {
            (kind, source, node + INPUTS, name): alpha
            for (kind, node), place, pair in zip(self.places, self._relaxation.sparse, alphas, strict=True)
            for (source, name), alpha in zip(self._pairs(place.live), pair, strict=True)
        }
        network = plain_network(
            search.supernet, self._space, self.genotype(), multipliers, self._network_settings(search)
        )
        return network.state_dict()

    def _describe(self, search: DifferentiableSearch) -> None:
        images, dataset = search.context.images, search.context.dataset
        search.context.results.network(
            describe(
                self._network_settings(search), self.genotype(), images.classes, images.size, dataset.mean, dataset.std
            )
        )

    def _network_settings(self, search: DifferentiableSearch) -> DartsNetworkSettings:
        """Return the settings of the plain network: those of the supernet, as far as it has them."""
        options, given = DartsNetworkSettings.model_fields, search.settings.model_dump()
        return DartsNetworkSettings(**{key: given[key] for key in options if key in given} | {"norms": "all"})


def _norms(
    search: DifferentiableSearch, places: Sequence[tuple[str, int]], chosen: Sequence[bool]
) -> Iterator[nn.BatchNorm2d]:
    """Yield the batch norms of all operations on the edges into the chosen nodes."""
    targets = {(kind, node + INPUTS) for (kind, node), yes in zip(places, chosen, strict=True) if yes}
    edges = search.context.space.entry.edges
    for cell in search.supernet.modules():
        if isinstance(cell, MixedCell):
            for (_, target), edge in zip(edges, cell.edges, strict=True):
                if (cell.kind, target) in targets:
                    yield from (norm for norm in edge.modules() if isinstance(norm, nn.BatchNorm2d))
