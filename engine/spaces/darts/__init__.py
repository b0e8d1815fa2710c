"""The DARTS cell space, and every other space of the same macro."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from engine.spaces.darts.network import CellNetwork
from engine.spaces.darts.supernet import DartsSupernet
from engine.spaces.darts.widening import widen
from engine.spaces.space import Candidates, Supernet
from runs.catalogue import Space
from runs.catalogue.settings import Settings
from runs.catalogue.spaces.darts import DartsNetworkSettings, DartsSettings
from runs.genotypes import cell_networks, darts, derive
from runs.genotypes.costs import Costs, Shape
from runs.genotypes.genotype import Genotype


class Darts:
    """Two kinds of cell of 4 nodes and 14 edges: see :class:`engine.spaces.space.SearchSpace`."""

    def __init__(self, entry: Space, settings: Settings, classes: int) -> None:
        assert isinstance(settings, DartsSettings | DartsNetworkSettings)
        self.entry = entry
        self._settings = settings
        self._classes = classes

    def supernet(self, candidates: Candidates, stage: Mapping[str, Any]) -> DartsSupernet:
        """Return a supernet; ``stage`` may name any keyword of :class:`DartsSupernet`, such as ``partial``."""
        size = {"channels": self._settings.channels, "layers": self._settings.layers, "stem": self._settings.stem}
        return DartsSupernet(
            operations=self.entry.operations,
            edges=self.entry.edges,
            candidates=candidates,
            classes=self._classes,
            **(size | dict(stage)),
        )

    def widen(
        self, old: Supernet, new: Supernet, generator: torch.Generator
    ) -> Mapping[str, Callable[[Tensor], Tensor]]:
        """Copy ``old`` into ``new``, duplicating channels where operations see more of them."""
        assert isinstance(old, DartsSupernet)
        assert isinstance(new, DartsSupernet)
        return widen(old, new, generator)

    def network(self, genotype: Genotype) -> CellNetwork:
        """Return the discrete network at the size of the settings."""
        settings = self._settings
        options: dict[str, Any] = {}
        if isinstance(settings, DartsNetworkSettings):
            options = {
                "norms": settings.norms,
                "auxiliary": settings.auxiliary,
                "auxiliary_norm": settings.auxiliary_norm,
            }
        return CellNetwork(
            genotype,
            channels=settings.channels,
            layers=settings.layers,
            classes=self._classes,
            stem=settings.stem,
            **options,
        )

    def derive(self, scores: Mapping[str, Sequence[Sequence[float]]], candidates: Candidates) -> Genotype:
        """Return the two strongest edges into each node, each with its best candidate other than ``none``.

        Scores are compared across edges too: probabilities, not logits.
        """
        cells = {
            kind: derive.two_a_node(
                [
                    [score if op in kept else -math.inf for op, score in enumerate(row)]
                    for row, kept in zip(rows, candidates[kind], strict=True)
                ],
                self.entry.operations,
            )
            for kind, rows in scores.items()
        }
        return darts.genotype(cells[cell_networks.NORMAL], cells[cell_networks.REDUCE])

    def chosen(self, genotype: Genotype) -> dict[str, list[int]]:
        """Return, per kind of cell and edge, the operation that the genotype takes, or -1."""
        columns = {name: op for op, name in enumerate(self.entry.operations)}
        return {
            kind: [
                next(
                    (columns.get(edge.operation, -1) for edge in cell.edges if (edge.source, edge.target) == place), -1
                )
                for place in self.entry.edges
            ]
            for kind, cell in genotype.cells.items()
        }

    def costs(self, genotype: Genotype, size: int) -> tuple[Costs, Shape]:
        """Return the cost by the closed form: of the trained network, or at the papers' size for a search."""
        settings = self._settings
        shape = replace(darts.COSTS.shapes[settings.stem], classes=self._classes, size=size)
        if isinstance(settings, DartsNetworkSettings):
            shape = replace(
                shape,
                channels=settings.channels,
                layers=settings.layers,
                norms=settings.norms,
                auxiliary_norm=settings.auxiliary_norm,
            )
        return darts.count(genotype, shape), shape
