"""The supernet of DARTS-like cells as public code computes it: operation by operation, edge by edge."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.spaces.darts import operations
from engine.spaces.darts.stems import CifarStem, ImageNetStem, preprocessing
from engine.spaces.darts.supernet import DartsSupernet, MixedCell
from engine.spaces.space import Candidates, CellWeights, MixingWeights, Supernet
from runs.genotypes.cell_networks import NORMAL, REDUCE, CellSlot, slots


class PlainSupernet(Supernet):
    """Computes the same function as a :class:`DartsSupernet` without its shortcuts; it takes the same arguments."""

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
        self.candidates = candidates
        nodes = len({target for _, target in edges})
        # The modules do not depend on the image size.
        walk = list(
            slots(
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
            PlainCell(slot, edges, operations, candidates[slot.kind], partial=partial, affine=affine, norms=norms)
            for slot in walk
        )
        self.classifier = nn.Linear(nodes * walk[-1].channels, classes)

    def forward(self, images: Tensor, mixing: MixingWeights) -> Tensor:
        """Return class scores [B, classes]; all cells of a kind share its mixing weights."""
        if isinstance(self.stem, ImageNetStem):
            older = self.stem.older(images)
            newer = self.stem.newer(older)
        else:
            older = newer = self.stem(images)
        for cell in self.cells:
            assert isinstance(cell, PlainCell)
            older, newer = newer, cell(older, newer, mixing[cell.kind])
        scores: Tensor = self.classifier(newer.mean((2, 3)))
        return scores


class PlainCell(nn.Module):
    """A cell in which every edge is a :class:`PlainEdge`."""

    def __init__(
        self,
        slot: CellSlot,
        edges: Sequence[tuple[int, int]],
        names: Sequence[str],
        candidates: Sequence[Sequence[int]],
        *,
        partial: int,
        affine: bool,
        norms: str,
    ) -> None:
        super().__init__()
        self.kind = slot.kind
        self.candidates = candidates
        self.places, self.names = edges, names
        self.older, self.newer = preprocessing(slot, affine=affine)
        self.edges = nn.ModuleList(
            PlainEdge(
                {op: names[op] for op in kept},
                slot.channels,
                slot.stride(source),
                partial=partial,
                affine=affine,
                norms=norms,
            )
            for (source, _), kept in zip(edges, candidates, strict=True)
        )
        self._zeros = operations.Zeros(slot.stride(0))
        self._incoming = [
            [(edge, source) for edge, (source, target) in enumerate(edges) if target == node]
            for node in sorted({target for _, target in edges})
        ]

    def forward(self, older: Tensor, newer: Tensor, cell_weights: CellWeights) -> Tensor:
        """Return the concatenated nodes [B, nodes * C, H, W]."""
        states = [self.older(older), self.newer(newer)]
        active = cell_weights.active or self.candidates
        for incoming in self._incoming:
            values = []
            for edge, source in incoming:
                value = self.edges[edge](states[source], cell_weights.weights[edge], active[edge])
                if value is not None:
                    values.append(value if cell_weights.edge_scale is None else cell_weights.edge_scale[edge] * value)
            states.append(functools.reduce(torch.add, values) if values else self._zeros(states[1]))
        return torch.cat(states[2:], dim=1)


class PlainEdge(nn.Module):
    """The weighted sum of an edge's operations, on a part of the channels.

    Args:
        names: of the candidates, by column.
        channels: C, the number of input and output channels.
        stride: 1 or 2.
        partial, affine, norms: as for the supernet.
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
        # `none` adds nothing to a sum and has gradient zero, so it is neither built nor run.
        self.operations = nn.ModuleDict(
            {
                str(op): operations.build_normed(name, self.width, stride, affine=affine, norms=norms)
                for op, name in names.items()
                if name != "none"
            }
        )

    def forward(self, features: Tensor, weights: Tensor, active: Sequence[int]) -> Tensor | None:
        """Return the edge's value, or None if no operation contributes to it.

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


def pairs(plain: PlainSupernet, fast: DartsSupernet) -> Iterator[tuple[nn.Module, nn.Module]]:
    """Yield the corresponding convolutions, batch norms and linear layers of both forms.

    The plain form has a pool's batch norm on each edge, the fast form once per source.
    """
    matching: list[tuple[nn.Module, nn.Module]] = [(plain.stem, fast.stem), (plain.classifier, fast.classifier)]
    for one, two in zip(plain.cells, fast.cells, strict=True):
        assert isinstance(one, PlainCell)
        assert isinstance(two, MixedCell)
        matching += [(one.older, two.older), (one.newer, two.newer)]
        for (source, _), edge, own in zip(one.places, one.edges, two.edges, strict=True):
            pools = two.sources[source].pools
            for op, module in edge.operations.items():
                if op in own.operations:
                    matching.append((module, own.operations[op]))
                elif one.names[int(op)] in pools:
                    matching.append((module, pools[one.names[int(op)]]))
    for one, two in matching:
        yield from zip(_layers(one), _layers(two), strict=True)


def _layers(module: nn.Module) -> list[nn.Module]:
    return [part for part in module.modules() if isinstance(part, nn.Conv2d | nn.BatchNorm2d | nn.Linear)]
