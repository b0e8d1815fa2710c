"""The DARTS cell space, and every other space with the same macro architecture."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from engine.spaces.darts import public_names
from engine.spaces.darts.network import CellNetwork
from engine.spaces.darts.scoring import DartsScoring
from engine.spaces.darts.supernet import DartsSupernet
from engine.spaces.darts.widening import widen
from engine.spaces.encoding import Encoding
from engine.spaces.public_weights import PublicSize
from engine.spaces.scoring import ScoringNetwork
from engine.spaces.space import Candidates, DiscreteNetwork, SearchSpace, Supernet
from runs.catalogue import Space
from runs.catalogue.spaces.darts import DartsNetworkSettings, DartsSettings
from runs.errors import UsageError
from runs.genotypes import cell_networks, darts, derive
from runs.genotypes.costs import Costs, Shape
from runs.genotypes.genotype import NONE, Genotype


class Darts(SearchSpace):
    """Two kinds of cell of 4 nodes and 14 edges: see :class:`engine.spaces.space.SearchSpace`."""

    def __init__(self, entry: Space, settings: DartsSettings | DartsNetworkSettings, classes: int) -> None:
        super().__init__(entry, settings, classes)
        self._settings: DartsSettings | DartsNetworkSettings = settings

    def supernet(self, candidates: Candidates, stage: Mapping[str, Any]) -> DartsSupernet:
        """Return a supernet; ``stage`` may override any keyword of :class:`DartsSupernet`, such as ``partial``."""
        size = {"channels": self._settings.channels, "layers": self._settings.layers, "stem": self._settings.stem}
        return DartsSupernet(
            operations=self.entry.operations,
            edges=self.entry.edges,
            candidates=candidates,
            classes=self._classes,
            **(size | dict(stage)),
        )

    def widen(
        self, old: Mapping[str, Tensor], new: Supernet, generator: torch.Generator
    ) -> Mapping[str, Callable[[Tensor], Tensor]]:
        """Copy ``old`` into ``new``, duplicating channels where operations see more of them."""
        assert isinstance(new, DartsSupernet)
        return widen(old, new, generator)

    def network(self, genotype: Genotype) -> CellNetwork:
        """Return the discrete network in the size of the settings."""
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

        Scores are also compared across edges: they must be probabilities, not logits.
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

    def derive_with_none(
        self, scores: Mapping[str, Sequence[Sequence[float]]], candidates: Candidates, *, every_edge: bool
    ) -> Genotype:
        """Return the two strongest edges into each node, or every edge; ``none`` is ranked like the others."""
        names = self.entry.operations
        cells = {
            kind: derive.all_edges(rows, names) if every_edge else derive.two_a_node(rows, names, none_competes=True)
            for kind, rows in scores.items()
        }
        return darts.genotype(cells[cell_networks.NORMAL], cells[cell_networks.REDUCE])

    def chosen(self, genotype: Genotype) -> dict[str, list[int]]:
        """Return the operation that the genotype takes on each edge, by kind of cell; -1 for none."""
        columns = {name: op for op, name in enumerate(self.entry.operations)}
        return {
            kind: [
                next((columns.get(edge.operation, -1) for edge in cell.edges if (edge.source, edge.target) == ends), -1)
                for ends in self.entry.edges
            ]
            for kind, cell in genotype.cells.items()
        }

    def costs(self, genotype: Genotype, size: int) -> tuple[Costs, Shape]:
        """Return the closed-form cost: of the trained network, or at the papers' size for a search."""
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

    @classmethod
    def public_sizes(cls, tensors: Mapping[str, Tensor]) -> Iterable[PublicSize]:
        """Return the sizes of networks of DARTS and its descendants."""
        return public_names.sizes(tensors)

    def public_names(self, network: DiscreteNetwork) -> dict[str, str]:
        """Return the names of DARTS and its descendants."""
        assert isinstance(network, CellNetwork)
        return public_names.names(network)

    @classmethod
    def encoding(cls, entry: Space) -> Encoding:
        """Return, for both cells and each node, the pair of its inputs and the operation on each.

        ``none`` is not an operation of a discrete cell: there are 1.1e18 pairs of cells (see
        docs/methods/baselines.md, "Cells of the DARTS space").

        Raises:
            UsageError: the space has the same macro architecture, but other operations.
        """
        if entry.name != darts.TOPOLOGY.space:
            raise UsageError(f"Black-box searches are not defined in the space '{entry.name}'.")
        operations = [name for name in entry.operations if name != NONE]
        node_choices = [(math.comb(node, 2), len(operations), len(operations)) for node in darts.CONCAT]
        choices = tuple(itertools.chain(*node_choices)) * len(entry.cells)
        return Encoding(choices, functools.partial(_decode, operations), by_edge=False)

    @classmethod
    def scoring_network(cls, entry: Space, which: str, classes: int) -> ScoringNetwork:
        """Return a normal and a reduction cell, see :class:`engine.spaces.darts.scoring.DartsScoring`.

        Raises:
            UsageError: the space has the same macro architecture, but other operations, for which TE-NAS has no
                networks.
        """
        if entry.name != darts.TOPOLOGY.space:
            return super().scoring_network(entry, which, classes)
        return DartsScoring(entry, which, classes)


def _decode(operations: Sequence[str], code: Sequence[int]) -> Genotype:
    genes = iter(code)
    listed = []
    for _ in darts.TOPOLOGY.cells:
        pairs: list[darts.Pair] = []
        for node in darts.CONCAT:
            sources = list(itertools.combinations(range(node), 2))[next(genes)]
            pairs += [(operations[next(genes)], source) for source in sources]
        listed.append(pairs)
    normal, reduce = listed
    return darts.genotype(normal, reduce)
