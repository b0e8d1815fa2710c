"""The contract of a search space, and of the supernets it builds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from runs.catalogue import Space
from runs.catalogue.settings import Settings
from runs.genotypes.costs import Costs, Shape
from runs.genotypes.genotype import Genotype

# For each kind of cell and each of its edges, the operations (column indices, ascending) that are still alive. Plain
# numbers on the host: building, pruning and skipping never have to ask the device.
Candidates = Mapping[str, tuple[tuple[int, ...], ...]]


@dataclass(frozen=True)
class CellWeights:
    """How one kind of cell mixes the operations of its edges in one forward pass.

    Attributes:
        weights: [edges, operations]; only the entries of candidates are read.
        active: per edge the operations to run, where these are fewer than the candidates (sampled or sparse methods).
        edge_scale: [edges], a factor on each edge's sum (edge normalisation), or None.
    """

    weights: Tensor
    active: tuple[tuple[int, ...], ...] | None = None
    edge_scale: Tensor | None = None


# By kind of cell.
MixingWeights = Mapping[str, CellWeights]


class Supernet(nn.Module):
    """A network that holds every candidate operation. Mixing weights come in as an argument."""

    candidates: Candidates

    def forward(self, images: Tensor, mixing: MixingWeights) -> Tensor:
        """Return class scores [B, classes] of images [B, 3, H, W]; every kind of cell has its mixing weights."""
        raise NotImplementedError


class DiscreteNetwork(nn.Module):
    """A network with one operation an edge, as it is trained from fresh weights.

    Attributes:
        drops: how many of its operations drop path may drop.
    """

    drops: int = 0

    def forward(self, images: Tensor, drop_factors: Tensor | None = None) -> Tensor | tuple[Tensor, Tensor | None]:
        """Return class scores [B, classes] of images [B, 3, H, W].

        Args:
            images: normalised.
            drop_factors: in training, what drop path multiplies the outputs of operations by, [drops, B], on the
                device of the images; see :func:`engine.spaces.drop_path.draw`. None drops nothing.

        Returns:
            in evaluation the scores; in training (scores, scores of an auxiliary classifier or None without one).
        """
        raise NotImplementedError

    def parts(self) -> Iterable[nn.Module]:
        """Return the parts that are worth compiling, each on its own."""
        raise NotImplementedError


class SearchSpace(Protocol):
    """A topology with operations. Built from the settings of a run by ``engine`` of its catalogue entry.

    A search brings the space's ``options`` and wants supernets; a retraining its ``network_options``, and networks.

    Attributes:
        entry: what the catalogue says: kinds of cell, edges, operations.
    """

    entry: Space

    def __init__(self, entry: Space, settings: Settings, classes: int) -> None: ...

    def supernet(self, candidates: Candidates, stage: Mapping[str, Any]) -> Supernet:
        """Return a freshly initialised supernet; ``stage`` may override its size (depth, width, partial channels)."""

    def widen(
        self, old: Supernet, new: Supernet, generator: torch.Generator
    ) -> Mapping[str, Callable[[Tensor], Tensor]]:
        """Copy into ``new`` what ``old`` has of it, duplicating channels where it is wider (drnas.md 7).

        Args:
            old: with at least the candidates and the depth of ``new``, and at most its width.
            new: freshly initialised.
            generator: draws which channels are duplicated.

        Returns:
            by name of each parameter of ``new``, how its momentum follows from that of the parameter of ``old``.
        """

    def network(self, genotype: Genotype) -> DiscreteNetwork:
        """Return a freshly initialised discrete network at the size of the settings."""

    def derive(self, scores: Mapping[str, Sequence[Sequence[float]]], candidates: Candidates) -> Genotype:
        """Return the genotype that these scores (edges x operations, higher is better) stand for."""

    def chosen(self, genotype: Genotype) -> dict[str, list[int]]:
        """Return, per kind of cell and edge, the column that the genotype takes, or -1."""

    def costs(self, genotype: Genotype, size: int) -> tuple[Costs, Shape]:
        """Return the cost of the genotype's discrete network for images of ``size`` pixels, and its size.

        A retraining's network is the one of the settings; that of a search has the size at which papers count.
        """


def all_candidates(entry: Space) -> Candidates:
    """Return every operation on every edge; of a kind of cell with operations of its own, these."""
    return {
        kind: tuple(
            tuple(op for op, name in enumerate(entry.operations) if name in entry.own.get(kind, entry.operations))
            for _ in entry.edges
        )
        for kind in entry.cells
    }
