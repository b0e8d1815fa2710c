"""The NAS-Bench-201 topology space."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from engine.spaces.nasbench201 import public_names
from engine.spaces.nasbench201.network import NasBench201Network
from engine.spaces.nasbench201.scoring import NasBench201Scoring
from engine.spaces.nasbench201.supernet import NasBench201Supernet
from engine.spaces.nasbench201.widening import widen
from engine.spaces.public_weights import PublicSize
from engine.spaces.scoring import ScoringNetwork
from engine.spaces.space import Candidates, DiscreteNetwork, SearchSpace, Supernet
from runs.catalogue import Space
from runs.catalogue.spaces.nasbench201 import NasBench201NetworkSettings, NasBench201Settings
from runs.genotypes import nasbench201
from runs.genotypes.costs import Costs, Shape
from runs.genotypes.genotype import Genotype


class NasBench201(SearchSpace):
    """One cell of 4 nodes: see :class:`engine.spaces.space.SearchSpace`."""

    def __init__(self, entry: Space, settings: NasBench201NetworkSettings, classes: int) -> None:
        super().__init__(entry, settings, classes)
        self._settings: NasBench201NetworkSettings = settings

    def supernet(self, candidates: Candidates, stage: Mapping[str, Any]) -> NasBench201Supernet:
        """Return a supernet; a stage may override ``partial``, the factor k of partial channels."""
        assert isinstance(self._settings, NasBench201Settings)
        return NasBench201Supernet(
            channels=self._settings.channels,
            cells=self._settings.cells,
            classes=self._classes,
            candidates=candidates,
            partial=stage.get("partial", 1),
            track_statistics=self._settings.batch_norm == "running",
        )

    def widen(
        self, old: Mapping[str, Tensor], new: Supernet, generator: torch.Generator
    ) -> Mapping[str, Callable[[Tensor], Tensor]]:
        """Copy ``old`` into ``new``, duplicating channels where operations see more of them."""
        assert isinstance(new, NasBench201Supernet)
        return widen(old, new, generator)

    def network(self, genotype: Genotype) -> NasBench201Network:
        """Return the discrete network in the size of the settings."""
        return NasBench201Network(
            genotype, channels=self._settings.channels, cells=self._settings.cells, classes=self._classes
        )

    def costs(self, genotype: Genotype, size: int) -> tuple[Costs, Shape]:
        """Return the closed-form cost: of the trained network, or at the benchmark's own size for a search."""
        shape = replace(nasbench201.COSTS.shapes["cifar"], classes=self._classes, size=size)
        if not isinstance(self._settings, NasBench201Settings):
            shape = replace(shape, channels=self._settings.channels, layers=self._settings.cells)
        return nasbench201.count(genotype, shape), shape

    @classmethod
    def public_sizes(cls, tensors: Mapping[str, Tensor]) -> Iterable[PublicSize]:
        """Return the size of a network of AutoDL-Projects."""
        return public_names.sizes(tensors)

    def public_names(self, network: DiscreteNetwork) -> dict[str, str]:
        """Return the names of AutoDL-Projects."""
        assert isinstance(network, NasBench201Network)
        return public_names.names(network)

    @classmethod
    def scoring_network(cls, entry: Space, which: str, classes: int) -> ScoringNetwork:
        """Return three cells or one, see :class:`engine.spaces.nasbench201.scoring.NasBench201Scoring`."""
        return NasBench201Scoring(entry, which, classes)
