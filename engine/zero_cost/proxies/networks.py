"""The two small networks that TE-NAS measures in place of an architecture's own (tenas.md 2).

Both hold every operation of every edge, are built once, and change only which of these are live.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.spaces.darts import operations as darts
from engine.spaces.darts.stems import CifarStem, preprocessing
from engine.spaces.nasbench201 import operations as nasbench201
from engine.spaces.nasbench201.pooling import average_pool
from engine.spaces.space import Candidates
from engine.zero_cost.proxies.joint_convolution import JointConvolution, JointNorm
from runs.catalogue import Space
from runs.errors import UsageError
from runs.genotypes.cell_networks import NORMAL, REDUCE, Place

NTK, THIN = "ntk", "thin"
_NONE = "none"
_WIDTHS = {NTK: 3, THIN: 1}


class ScoringNetwork(nn.Module):
    """A network in training mode, whose live operations each count 1 / k where k of them share an edge.

    Attributes:
        space: of its cells.
        live: by kind of cell and edge, the columns that run.
        features: how many the classifier reads.
    """

    space: Space
    live: Candidates
    features: int

    def set_live(self, live: Candidates) -> None:
        """Say which columns run from now on; an edge without any contributes zeros.

        Raises:
            UsageError: a kind of cell, an edge or a column that the space does not have.
        """
        edges, columns = len(self.space.edges), range(len(self.space.operations))
        if set(live) != set(self.space.cells) or any(len(rows) != edges for rows in live.values()):
            raise UsageError(
                f"Live operations of '{self.space.name}' are {edges} edges for each of: {', '.join(self.space.cells)}."
            )
        for kind, rows in live.items():
            for edge, row in enumerate(rows):
                if len(set(row)) != len(row) or not set(row) <= set(columns):
                    raise UsageError(f"Edge {edge} of cell '{kind}' has no operations {list(row)}.")
        self.live = {kind: tuple(tuple(row) for row in live[kind]) for kind in self.space.cells}


def build(space: Space, which: str, classes: int) -> ScoringNetwork:
    """Return a network of a space with everything live but ``none``, as TE-NAS begins.

    Args:
        space: NAS-Bench-201, or DARTS with its own operations.
        which: ``ntk`` for images [B, 3, H, W], or ``thin`` for single channels [B, 1, H, W].
        classes: of the data set.

    Raises:
        UsageError: a space for which TE-NAS has no networks.
    """
    match space.name:
        case "nasbench201":
            network: ScoringNetwork = _NasBench201(space, which, classes)
        case "darts":
            network = _Darts(space, which, classes)
        case _:
            raise UsageError(
                f"Training-free indicators are not defined in the space '{space.name}'.",
                "They are in 'nasbench201' and 'darts'.",
            )
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            # Statistics are always those of the batch at hand.
            part.track_running_stats, part.running_mean, part.running_var = False, None, None
        elif isinstance(part, nn.ReLU):
            # What a layer gave is read again when gradients are taken by layer.
            part.inplace = False
    network.set_live(everything(space))
    return network


def everything(space: Space) -> Candidates:
    """Return every column but ``none`` on every edge."""
    columns = tuple(column for column, name in enumerate(space.operations) if name != _NONE)
    return {kind: tuple(columns for _ in space.edges) for kind in space.cells}


class _Edge(nn.Module):
    """The mean of the live operations of an edge.

    Args:
        built: by column; ``none`` has no module.
    """

    def __init__(self, built: dict[int, nn.Module]) -> None:
        super().__init__()
        self.operations = nn.ModuleDict({str(column): module for column, module in built.items()})

    def forward(self, features: Tensor, live: tuple[int, ...]) -> Tensor | None:
        """Return the edge's value, or None if nothing runs."""
        values: list[Tensor] = [
            self.operations[str(column)](features) for column in live if str(column) in self.operations
        ]
        if not values:
            return None
        total = functools.reduce(torch.add, values)
        return total if len(live) == 1 else total / len(live)


def _sum(values: list[Tensor | None], zeros: Tensor) -> Tensor:
    present = [value for value in values if value is not None]
    return functools.reduce(torch.add, present) if present else torch.zeros_like(zeros)


class _NasBench201(ScoringNetwork):
    """NTK: stem and three cells of C = 3, 6, 12 with residual blocks between; thin: one cell of one channel alone."""

    def __init__(self, space: Space, which: str, classes: int) -> None:
        super().__init__()
        self.space = space
        width = _WIDTHS[which]
        blocks: list[nn.Module] = [nasbench201.Stem(width)] if which == NTK else []
        stages = 3 if which == NTK else 1
        for stage in range(stages):
            if stage:
                blocks.append(nasbench201.ResidualReduction(width))
                width *= 2
            blocks.append(_NasBench201Cell(space, width, joint=which == NTK))
        self.blocks = nn.ModuleList(blocks)
        self.features = width
        self.head = nasbench201.Head(width, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return class scores [B, classes]."""
        features = images
        for block in self.blocks:
            cell = isinstance(block, _NasBench201Cell)
            features = block(features, self.live["cell"]) if cell else block(features)
        scores: Tensor = self.head(features)
        return scores


class _NasBench201Cell(nn.Module):
    """A cell, operation by operation or with those of a source node together.

    Args:
        space: of the cell.
        channels: in and out.
        joint: whether to compute what the edges that leave a node share once: its ReLU, its pool, one convolution.
            Every ReLU of every edge runs otherwise, as the length of a pattern wants it.
    """

    def __init__(self, space: Space, channels: int, *, joint: bool) -> None:
        super().__init__()
        self._ends = space.edges
        self._output = space.edges[-1][1]
        self._names = space.operations
        self._joint = joint
        self._convolution = nn.ModuleList(JointConvolution() for _ in range(self._output))
        self._norm = nn.ModuleList(JointNorm() for _ in range(self._output))
        self.edges = nn.ModuleList(
            _Edge(
                {
                    column: nasbench201.build(name, channels, affine=True)
                    for column, name in enumerate(space.operations)
                    if name != _NONE
                }
            )
            for _ in space.edges
        )

    def forward(self, features: Tensor, live: tuple[tuple[int, ...], ...]) -> Tensor:
        if self._joint:
            return self._by_source(features, live)
        nodes = [features]
        for target in range(1, self._output + 1):
            incoming = [
                self.edges[edge](nodes[source], live[edge])
                for edge, (source, node) in enumerate(self._ends)
                if node == target
            ]
            nodes.append(_sum(incoming, features))
        return nodes[-1]

    def _by_source(self, features: Tensor, live: tuple[tuple[int, ...], ...]) -> Tensor:
        arriving: list[list[Tensor | None]] = [[] for _ in range(self._output + 1)]
        node = features
        for source in range(self._output):
            convolutions: list[tuple[int, nasbench201.ReluConvBn, float]] = []
            pooled = None
            for edge, (start, target) in enumerate(self._ends):
                for column in live[edge] if start == source else ():
                    share = 1 / len(live[edge])
                    match self._names[column]:
                        case "skip_connect":
                            arriving[target].append(node * share)
                        case "avg_pool_3x3":
                            pooled = average_pool(node) if pooled is None else pooled
                            arriving[target].append(pooled * share)
                        case name if name != _NONE:
                            convolutions.append((target, self.edges[edge].operations[str(column)], share))  # type: ignore
            if convolutions:
                targets, layers, shares = zip(*convolutions, strict=True)
                width = features.shape[1]
                scales = features.new_tensor(shares).repeat_interleave(width)
                out = self._convolution[source](functional.relu(node), [layer.convolution for layer in layers])
                values = self._norm[source](out, [layer.norm for layer in layers], scales).split(width, dim=1)
                for target, value in zip(targets, values, strict=True):
                    arriving[target].append(value)
            node = _sum(arriving[source + 1], features)
        return node


class _Darts(ScoringNetwork):
    """A normal cell of one channel, then a reduction cell of two; the NTK's network has a stem before them."""

    def __init__(self, space: Space, which: str, classes: int) -> None:
        super().__init__()
        self.space = space
        nodes = len({target for _, target in space.edges})
        self.stem = CifarStem(1) if which == NTK else nn.Identity()
        # Modules do not depend on the size of the images.
        normal = Place(NORMAL, 1, (1, 1), False, (1, 1), False)
        reduce = Place(REDUCE, 2, (1, nodes), False, (1, 1), False)
        self.cells = nn.ModuleList(_DartsCell(space, place) for place in (normal, reduce))
        self.features = nodes * reduce.channels
        self.head = nasbench201.Head(self.features, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return class scores [B, classes]."""
        older = newer = self.stem(images)
        for cell in self.cells:
            assert isinstance(cell, _DartsCell)
            older, newer = newer, cell(older, newer, self.live[cell.kind])
        scores: Tensor = self.head(newer)
        return scores


class _DartsCell(nn.Module):
    def __init__(self, space: Space, place: Place) -> None:
        super().__init__()
        self.kind = place.kind
        self._ends = space.edges
        self._stride = place.stride(0)
        self.older, self.newer = preprocessing(place)
        self.edges = nn.ModuleList(
            _Edge(
                {
                    column: darts.build(name, place.channels, place.stride(source), affine=True)
                    for column, name in enumerate(space.operations)
                    if name != _NONE
                }
            )
            for source, _ in space.edges
        )

    def forward(self, older: Tensor, newer: Tensor, live: tuple[tuple[int, ...], ...]) -> Tensor:
        nodes = [self.older(older), self.newer(newer)]
        zeros = nodes[0][:, :, :: self._stride, :: self._stride]
        for target in range(len(nodes), self._ends[-1][1] + 1):
            incoming = [
                self.edges[edge](nodes[source], live[edge])
                for edge, (source, node) in enumerate(self._ends)
                if node == target
            ]
            nodes.append(_sum(incoming, zeros))
        return torch.cat(nodes[2:], dim=1)
