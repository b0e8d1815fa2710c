"""The interface of a search space, and of the supernets that it builds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from engine.core.plugins import attribute
from engine.spaces.candidates import Candidates, all_candidates
from engine.spaces.encoding import Encoding, by_edge
from engine.spaces.public_weights import PublicSize
from engine.spaces.scoring import ScoringNetwork
from runs.catalogue import Space
from runs.catalogue.costs import count, standard_shape
from runs.catalogue.settings import Settings
from runs.errors import UsageError
from runs.genotypes.costs import Costs, Shape
from runs.genotypes.genotype import Genotype


@dataclass(frozen=True)
class CellWeights:
    """How one kind of cell mixes the operations of its edges in one forward pass.

    Attributes:
        weights: [edges, operations]; only the entries of candidates are read.
        active: for each edge the operations to run, if fewer than the candidates (sampled or sparse methods).
        edge_scale: [edges], a factor on each edge's sum (edge normalisation), or None.
    """

    weights: Tensor
    active: tuple[tuple[int, ...], ...] | None = None
    edge_scale: Tensor | None = None


__all__ = [
    "Candidates",
    "CellWeights",
    "DiscreteNetwork",
    "MixingWeights",
    "SearchSpace",
    "Supernet",
    "all_candidates",
    "counterpart",
]

# By kind of cell.
MixingWeights = Mapping[str, CellWeights]


class Supernet(nn.Module):
    """A network that holds every candidate operation. Mixing weights are passed as an argument."""

    candidates: Candidates

    def forward(self, images: Tensor, mixing: MixingWeights) -> Tensor:
        """Return class scores [B, classes] of images [B, 3, H, W], given the mixing weights of every kind of cell."""
        raise NotImplementedError

    def both_scores(self, images: Tensor, mixing: MixingWeights) -> tuple[Tensor, Tensor | None]:
        """Return also the scores of an auxiliary classifier, or None without one and in evaluation."""
        return self(images, mixing), None


class DiscreteNetwork(nn.Module):
    """A network with one operation on each edge, as trained from scratch.

    Attributes:
        drops: how many of its operations drop path may drop.
    """

    drops: int = 0

    def forward(self, images: Tensor, drop_factors: Tensor | None = None) -> Tensor | tuple[Tensor, Tensor | None]:
        """Return class scores [B, classes] of images [B, 3, H, W].

        Args:
            images: normalised.
            drop_factors: in training, the factors of drop path for the outputs of operations, [drops, B], on the device
                of the images; see :func:`engine.spaces.drop_path.draw`. None drops nothing.

        Returns:
            in evaluation the scores; in training (scores, scores of an auxiliary classifier or None without one).
        """
        raise NotImplementedError

    def parts(self) -> Iterable[nn.Module]:
        """Return the parts that are worth compiling separately."""
        raise NotImplementedError


class SearchSpace:
    """The engine's half of a search space, and the base of the class that ``engine`` of its catalogue entry names.

    A space whose genotypes have one operation on each edge implements ``supernet`` to be searched by differentiable
    methods and ``network`` to be trained; everything else has a default. A search gets the entry's ``options`` as
    settings, a retraining its ``network_options``.

    Args:
        entry: the catalogue's record of the space.
        settings: of the run.
        classes: of the data set.

    Attributes:
        entry: the record. Its operations are the columns of every matrix.
    """

    def __init__(self, entry: Space, settings: Settings, classes: int) -> None:
        self.entry = entry
        self._settings = settings
        self._classes = classes

    def supernet(self, candidates: Candidates, stage: Mapping[str, Any]) -> Supernet:
        """Return a freshly initialised supernet.

        Args:
            candidates: the operations that it holds.
            stage: overrides of the settings in a stage of the search (depth, width, partial channels).

        Raises:
            UsageError: the space has no supernet.
        """
        raise _missing(self.entry, "a supernet")

    def widen(
        self, old: Mapping[str, Tensor], new: Supernet, generator: torch.Generator
    ) -> Mapping[str, Callable[[Tensor], Tensor]]:
        """Copy the weights of another supernet into ``new``, duplicating channels where it is wider.

        See docs/methods/drnas.md, "Widening".

        Args:
            old: the ``state_dict`` of a supernet with at least the candidates and the depth of ``new``, and at most its
                width; on any device.
            new: freshly initialised.
            generator: draws which channels are duplicated.

        Returns:
            by the name of each parameter of ``new``, how its momentum follows from that of the old parameter.

        Raises:
            UsageError: supernets of the space cannot be widened.
        """
        raise _missing(self.entry, "a supernet that can be widened")

    def network(self, genotype: Genotype) -> DiscreteNetwork:
        """Return a freshly initialised discrete network in the size of the settings.

        Raises:
            UsageError: the space has no such networks.
        """
        raise _missing(self.entry, "networks of single genotypes")

    def derive(self, scores: Mapping[str, Sequence[Sequence[float]]], candidates: Candidates) -> Genotype:
        """Return the genotype derived from these scores (edges x operations, higher is better).

        By default it takes the best candidate of each edge; the lower column wins a tie.
        """
        return self.entry.topology.genotype(
            {
                kind: [
                    max(kept, key=lambda column: (row[column], -column))
                    for row, kept in zip(scores[kind], candidates[kind], strict=True)
                ]
                for kind in self.entry.cells
            }
        )

    def derive_with_none(
        self, scores: Mapping[str, Sequence[Sequence[float]]], candidates: Candidates, *, every_edge: bool
    ) -> Genotype:
        """Return the genotype derived from these scores if ``none`` is ranked like the other operations.

        Args:
            scores: edges x operations.
            candidates: the operations that are alive.
            every_edge: whether the genotype keeps every edge, in a space whose genotypes can leave some out.
        """
        return self.derive(scores, candidates)

    def chosen(self, genotype: Genotype) -> dict[str, list[int]]:
        """Return, for each kind of cell and edge, the column that the genotype takes, or -1."""
        return self.entry.topology.columns(genotype)

    def costs(self, genotype: Genotype, size: int) -> tuple[Costs, Shape]:
        """Return the cost of the genotype's discrete network for images of ``size`` pixels, and its size.

        The network of a retraining has the size of the settings; that of a search has the size used for costs in
        papers. By default the latter is used for both.

        Raises:
            UsageError: networks of the space cannot be counted.
        """
        shape = replace(standard_shape(genotype.space), classes=self._classes, size=size)
        return count(genotype, shape), shape

    @classmethod
    def encoding(cls, entry: Space) -> Encoding:
        """Return the choices of black-box searches, and the genotypes that they stand for.

        By default there is one choice, the operation, for each edge of each kind of cell.

        Raises:
            UsageError: black-box searches of the space are not defined.
        """
        return by_edge(entry.topology)

    @classmethod
    def scoring_network(cls, entry: Space, which: str, classes: int) -> ScoringNetwork:
        """Return the network that zero-cost proxies measure.

        Args:
            entry: the record of the space.
            which: :data:`engine.spaces.scoring.NTK`, for images [B, 3, H, W], or ``THIN``, for single channels
                [B, 1, H, W].
            classes: of the data set.

        Raises:
            UsageError: zero-cost proxies are not defined in the space.
        """
        raise UsageError(f"Zero-cost proxies are not defined in the space '{entry.name}'.")

    @classmethod
    def public_sizes(cls, tensors: Mapping[str, Tensor]) -> Iterable[PublicSize]:
        """Return the sizes of the discrete networks that weights of the space's public code may belong to.

        By default there is no public code.

        Args:
            tensors: by their public names, without the prefixes of wrappers.
        """
        return ()

    def public_names(self, network: DiscreteNetwork) -> dict[str, str]:
        """Return, for each tensor of a network of :meth:`network`, its name in the space's public code.

        Raises:
            UsageError: there is no public code.
        """
        raise _missing(self.entry, "public code")


def counterpart(entry: Space) -> type[SearchSpace]:
    """Return the engine's half of a space.

    Raises:
        EnvironmentLacksError: the module of a plug-in cannot be imported.
    """
    found: type[SearchSpace] = attribute(entry.engine)
    return found


def _missing(entry: Space, what: str) -> UsageError:
    return UsageError(f"The space '{entry.name}' does not have {what}.")
