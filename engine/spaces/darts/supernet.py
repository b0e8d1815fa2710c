"""The supernet of DARTS-like cells, operation by operation: the plain form that faster ones are tested against."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.spaces.darts import operations
from engine.spaces.darts.stems import CifarStem, ImageNetStem, preprocessing
from engine.spaces.space import Candidates, EdgePlan, Plans, Supernet
from runs.errors import UsageError
from runs.genotypes.cell_networks import NORMAL, REDUCE, Place, places


class DartsSupernet(Supernet):
    """Stem, cells that mix their candidate operations, global average pool, classifier.

    Args:
        operations: names of the columns.
        edges: (source, target) of the rows; the output of a cell concatenates all targets.
        candidates: the operations alive on each edge; others are not built.
        channels: C of the first cells.
        layers: how many cells.
        classes: of the data set.
        stem: ``cifar``, or ``imagenet`` with 3C channels.
        partial: k: operations see the first C // k channels, the others pass by (drnas.md 3.3).
        affine: whether batch norms in cells have a scale and a shift.
        norms: batch norm after operations without weights, see :data:`runs.genotypes.cell_networks.NORMS`.

    Raises:
        UsageError: C cannot be divided by k.
    """

    def __init__(
        self,
        *,
        operations: Sequence[str],
        edges: Sequence[tuple[int, int]],
        candidates: Candidates,
        channels: int,
        layers: int,
        classes: int,
        stem: str = "cifar",
        partial: int = 1,
        affine: bool = False,
        norms: str = "pool",
    ) -> None:
        super().__init__()
        if channels % partial:
            raise UsageError(f"{channels} channels cannot be divided into {partial} equal parts.")
        self.candidates = candidates
        nodes = len({target for _, target in edges})
        # Modules do not depend on the size of the images.
        walk = list(
            places(
                channels=channels,
                layers=layers,
                size=1,
                stem=stem,
                outputs={NORMAL: nodes, REDUCE: nodes},
                search=True,
            )
        )
        self.stem = ImageNetStem(3 * channels) if stem == "imagenet" else CifarStem(3 * channels)
        self.cells = nn.ModuleList(
            MixedCell(place, edges, operations, candidates[place.kind], partial=partial, affine=affine, norms=norms)
            for place in walk
        )
        self.classifier = nn.Linear(nodes * walk[-1].channels, classes)

    def forward(self, images: Tensor, plans: Plans) -> Tensor:
        """Return class scores [B, classes]; all cells of a kind follow its plan."""
        if isinstance(self.stem, ImageNetStem):
            older = self.stem.older(images)
            newer = self.stem.newer(older)
        else:
            older = newer = self.stem(images)
        for cell in self.cells:
            assert isinstance(cell, MixedCell)
            older, newer = newer, cell(older, newer, plans[cell.kind])
        scores: Tensor = self.classifier(newer.mean((2, 3)))
        return scores


class MixedCell(nn.Module):
    """A cell whose every edge is a :class:`MixedEdge`."""

    def __init__(
        self,
        place: Place,
        edges: Sequence[tuple[int, int]],
        names: Sequence[str],
        candidates: Sequence[Sequence[int]],
        *,
        partial: int,
        affine: bool,
        norms: str,
    ) -> None:
        super().__init__()
        self.kind = place.kind
        self.candidates = candidates
        self.older, self.newer = preprocessing(place, affine=affine)
        self.edges = nn.ModuleList(
            MixedEdge(
                {op: names[op] for op in kept},
                place.channels,
                place.stride(source),
                partial=partial,
                affine=affine,
                norms=norms,
            )
            for (source, _), kept in zip(edges, candidates, strict=True)
        )
        self._zeros = operations.Zeros(place.stride(0))
        self._incoming = [
            [(edge, source) for edge, (source, target) in enumerate(edges) if target == node]
            for node in sorted({target for _, target in edges})
        ]

    def forward(self, older: Tensor, newer: Tensor, plan: EdgePlan) -> Tensor:
        """Return the concatenated nodes [B, nodes * C, H, W]."""
        states = [self.older(older), self.newer(newer)]
        active = plan.active or self.candidates
        for incoming in self._incoming:
            values = []
            for edge, source in incoming:
                value = self.edges[edge](states[source], plan.weights[edge], active[edge])
                if value is not None:
                    values.append(value if plan.edge_scale is None else plan.edge_scale[edge] * value)
            states.append(functools.reduce(torch.add, values) if values else self._zeros(states[1]))
        return torch.cat(states[2:], dim=1)


class MixedEdge(nn.Module):
    """The weighted sum of an edge's operations, on a part of the channels.

    Args:
        names: of the candidates, by column.
        channels: C, in and out.
        stride: 1 or 2.
        partial, affine, norms: see :class:`DartsSupernet`.
    """

    def __init__(
        self,
        names: dict[int, str],
        channels: int,
        stride: int,
        *,
        partial: int = 1,
        affine: bool = False,
        norms: str = "pool",
    ) -> None:
        super().__init__()
        self.stride = stride
        self.partial = partial
        self.width = channels // partial
        # `none` adds nothing to a sum and has gradient zero, so it is never built nor run.
        self.operations = nn.ModuleDict(
            {
                str(op): operations.build_normed(name, self.width, stride, affine=affine, norms=norms)
                for op, name in names.items()
                if name != "none"
            }
        )

    def forward(self, features: Tensor, weights: Tensor, active: Sequence[int]) -> Tensor | None:
        """Return the edge's value, or None where nothing contributes to it.

        Args:
            features: [B, C, H, W].
            weights: [operations].
            active: the columns to run.
        """
        seen = features[:, : self.width]
        terms = [weights[op] * self.operations[str(op)](seen) for op in active if str(op) in self.operations]
        total = functools.reduce(torch.add, terms) if terms else None
        return total if self.partial == 1 else self._beside_bypass(features[:, self.width :], total)

    def _beside_bypass(self, bypass: Tensor, total: Tensor | None) -> Tensor:
        if self.stride > 1:
            bypass = functional.max_pool2d(bypass, 2, 2, ceil_mode=True)
        if total is None:
            total = torch.zeros_like(bypass[:, : self.width])
        return functional.channel_shuffle(torch.cat([total, bypass], dim=1), self.partial)
