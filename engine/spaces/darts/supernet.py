"""The supernet of DARTS-like cells."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.spaces import drop_path as dropping
from engine.spaces.darts import merging
from engine.spaces.darts.merging import Group
from engine.spaces.darts.mixing import MixedEdge, NodeSum, Source, View
from engine.spaces.darts.stems import AuxiliaryHead, CifarStem, ImageNetStem, preprocessing, rectified
from engine.spaces.space import Candidates, CellWeights, MixingWeights, Supernet
from runs.errors import UsageError
from runs.genotypes.cell_networks import NORMAL, REDUCE, CellSlot, slots


class DartsSupernet(Supernet):
    """Stem, cells that mix their candidate operations, global average pool, classifier.

    Args:
        operations: names of the columns.
        edges: (source, target) of the rows; the output of a cell concatenates all targets.
        candidates: the operations alive on each edge; others are not built.
        channels: C of the first cells.
        layers: the number of cells.
        classes: of the data set.
        stem: ``cifar``, or ``imagenet`` with 3C channels.
        partial: k: operations see the first C // k channels, the others bypass them
            (docs/methods/drnas.md, "Partial channels").
        affine: whether batch norms in cells have a scale and a shift.
        norms: batch norm after operations without weights, see :data:`runs.genotypes.cell_networks.NORMS`.
        auxiliary: whether to train a second classifier on cell 2L // 3.

    Attributes:
        skip_dropout: in training, the probability that an element of an identity's output is dropped. Set it between
            forward passes. See docs/methods/baselines.md, "Skip dropout".
        drop_path: in training, the probability that the output of an operation is dropped for an image. Set it between
            forward passes too.

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
        auxiliary: bool = False,
    ) -> None:
        super().__init__()
        if channels % partial:
            raise UsageError(f"{channels} channels cannot be divided into {partial} equal parts.")
        self.candidates = candidates
        self.skip_dropout = self.drop_path = 0.0
        nodes = len({target for _, target in edges})
        # The modules do not depend on the size of the images.
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
            MixedCell(
                slot,
                edges,
                operations,
                candidates[slot.kind],
                partial=partial,
                affine=affine,
                norms=norms,
                last=slot is walk[-1],
            )
            for slot in walk
        )
        self.classifier = nn.Linear(nodes * walk[-1].channels, classes)
        self._read_by_head = next(index for index, slot in enumerate(walk) if slot.auxiliary)
        self.auxiliary = (
            AuxiliaryHead(nodes * walk[self._read_by_head].channels, classes, second_norm=stem == "cifar")
            if auxiliary
            else None
        )

    def forward(self, images: Tensor, mixing: MixingWeights) -> Tensor:
        """Return class scores [B, classes]; all cells of a kind share its mixing weights."""
        return self.both_scores(images, mixing)[0]

    def both_scores(self, images: Tensor, mixing: MixingWeights) -> tuple[Tensor, Tensor | None]:
        """Return also the scores of the auxiliary classifier, or None without one and in evaluation."""
        older, newer = rectified(self.stem, images)
        skip_dropout = self.skip_dropout if self.training else 0.0
        cells = [cell for cell in self.cells if isinstance(cell, MixedCell)]
        factors = self._drop_factors(cells, mixing, newer)
        auxiliary = None
        for index, cell in enumerate(cells):
            older, newer = newer, cell(older, newer, mixing[cell.kind], skip_dropout, next(factors))
            if self.training and self.auxiliary is not None and index == self._read_by_head:
                auxiliary = self.auxiliary(newer)
        scores: Tensor = self.classifier(newer.mean((2, 3)))
        return scores, auxiliary

    def _drop_factors(self, cells: Sequence[MixedCell], mixing: MixingWeights, like: Tensor) -> Iterator[Tensor | None]:
        """Return an iterator over the cells' factors of drop path, all drawn at once; None if nothing is dropped."""
        if not self.training or not self.drop_path:
            return itertools.repeat(None)
        runs = [cell.runs(mixing[cell.kind]) for cell in cells]
        drawn = dropping.factors(sum(runs), like, self.drop_path)
        return itertools.repeat(None) if drawn is None else iter(drawn.split(runs))


def darts_supernet(supernet: Supernet) -> DartsSupernet:
    """Return the supernet as one of DARTS-like cells, for components that need this space.

    Raises:
        TypeError: the supernet belongs to another space.
    """
    if not isinstance(supernet, DartsSupernet):
        raise TypeError(f"a supernet of DARTS-like cells is needed, not {type(supernet).__name__}")
    return supernet


class MixedCell(nn.Module):
    """A cell with a mixture of candidates on every edge, whose inputs and outputs are rectified.

    Everything that reads a cell's output begins with a ReLU, except the classifier after the last cell.

    Args:
        slot: of the cell in the network.
        edges: (source, target) of each.
        names: of the columns.
        candidates: the columns alive on each edge.
        partial, affine, norms: see :class:`DartsSupernet`.
        last: whether the classifier reads the output, which is then not rectified.

    Attributes:
        kind: of the cell.
    """

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
        last: bool,
    ) -> None:
        super().__init__()
        self.kind = slot.kind
        self.width = slot.channels // partial
        self._partial = partial
        self._candidates = candidates
        self._last = last
        self._stride = slot.stride(0)
        self._merged: list[list[Group]] | None = None
        # Selects the weights of candidates from those of all columns.
        columns = [edge * len(names) + op for edge, kept in enumerate(candidates) for op in kept]
        self.register_buffer("_columns", torch.tensor(columns, dtype=torch.int64), persistent=False)
        self.older, self.newer = preprocessing(slot, affine=affine)
        targets = sorted({target for _, target in edges})
        self._incoming = [
            [(edge, source) for edge, (source, target) in enumerate(edges) if target == node] for node in targets
        ]
        self.sources = nn.ModuleList(
            Source(
                [names[op] for edge, (source, _) in enumerate(edges) if source == node for op in candidates[edge]],
                slot.channels,
                slot.stride(node),
                partial=partial,
                norms=norms,
            )
            for node in [0, 1, *targets]
        )
        self.edges = nn.ModuleList(
            MixedEdge({op: names[op] for op in kept}, self.width, slot.stride(source), affine=affine, norms=norms)
            for (source, _), kept in zip(edges, candidates, strict=True)
        )

    def runs(self, cell_weights: CellWeights) -> int:
        """Return how many operations these mixing weights run."""
        return sum(map(len, cell_weights.active or self._candidates))

    def forward(
        self,
        older: Tensor,
        newer: Tensor,
        cell_weights: CellWeights,
        skip_dropout: float = 0.0,
        drop_factors: Tensor | None = None,
    ) -> Tensor:
        """Return the concatenated nodes [B, nodes * C, H, W].

        Args:
            older: output of the cell before the last, rectified.
            newer: output of the last cell, rectified.
            cell_weights: for this kind of cell.
            skip_dropout: the probability that an element of an identity is dropped.
            drop_factors: of drop path, [operations that run, B], edge by edge; None drops nothing.
        """
        active = cell_weights.active or self._candidates
        dropped = itertools.repeat(None) if drop_factors is None else iter(drop_factors.unbind())
        factors = None if cell_weights.edge_scale is None else cell_weights.edge_scale.unbind()
        scales = self._scales(cell_weights)
        views = [self.sources[0](self.older.body(older)), self.sources[1](self.newer.body(newer))]
        sums: dict[tuple[int, ...], Tensor] = {}
        nodes = [NodeSum() for _ in self._incoming]
        # For each edge, by the columns that it runs: the factors of drop path, which were drawn in this order.
        running = {
            edge: {op: next(dropped) for op in active[edge]} for incoming in self._incoming for edge, _ in incoming
        }
        groups, merged = self._groups(older.device), 0
        for node, incoming in zip(nodes, self._incoming, strict=True):
            while merged < min(len(views), len(groups)):
                self._merge(groups[merged], views[merged], nodes, scales, running)
                merged += 1
            for edge, source in incoming:
                left = running[edge]
                self.edges[edge](node, views[source], scales[edge], list(left), skip_dropout, list(left.values()))
            total = node.total()
            if total is None:
                total = torch.zeros_like(views[0].seen[:, :, :: self._stride, :: self._stride])
            if self._partial > 1:
                joined = torch.cat([total, self._passing(incoming, views, factors, sums)], dim=1)
                total = functional.channel_shuffle(joined, self._partial)
            views.append(self.sources[len(views)](total))
        return torch.cat([view.features if self._last else view.output for view in views[2:]], dim=1)

    def _groups(self, device: torch.device) -> list[list[Group]]:
        """Return, for each source, the candidates that its edges compute together on this device."""
        if device.type not in merging.DEVICES:
            return []
        if self._merged is None:
            leaving: list[dict[int, MixedEdge]] = [{} for _ in self.sources]
            for incoming in self._incoming:
                for edge, source in incoming:
                    mixed = self.edges[edge]
                    assert isinstance(mixed, MixedEdge)
                    leaving[source][edge] = mixed
            self._merged = [merging.groups(of_source) for of_source in leaving]
        return self._merged

    def _merge(
        self,
        groups: Sequence[Group],
        view: View,
        nodes: Sequence[NodeSum],
        scales: Sequence[Mapping[int, Tensor]],
        running: Mapping[int, dict[int, Tensor | None]],
    ) -> None:
        """Add what the edges from a source compute together to the sums of their targets; it is then not run again."""
        sums = {edge: node for node, incoming in zip(nodes, self._incoming, strict=True) for edge, _ in incoming}
        for edge, op in list(merging.add_merged(groups, view, sums, scales, running)):
            del running[edge][op]

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        super()._apply(fn, recurse)
        self._merged = None  # the statistics have new tensors, which are not views of joint ones
        return self

    def _scales(self, cell_weights: CellWeights) -> list[dict[int, Tensor]]:
        """Return for each edge the factors of its candidates' outputs, repeated for each channel."""
        weights = (
            cell_weights.weights
            if cell_weights.edge_scale is None
            else cell_weights.weights * cell_weights.edge_scale[:, None]
        )
        weights = weights.flatten()
        if len(weights) > len(self.get_buffer("_columns")):
            weights = weights.index_select(0, self.get_buffer("_columns"))
        # All at once: separate indexing would cost a gradient kernel for each entry.
        flat = iter(weights.unsqueeze(-1).repeat(1, self.width).unbind())
        return [{op: next(flat) for op in kept} for kept in self._candidates]

    def _passing(
        self,
        incoming: Sequence[tuple[int, int]],
        views: Sequence[View],
        factors: Sequence[Tensor] | None,
        sums: dict[tuple[int, ...], Tensor],
    ) -> Tensor:
        """Return the sum of the channels that bypass the operations of these edges, each times its edge's factor.

        Without factors it is the sum for an earlier node plus little more, so ``sums`` caches the sums by their
        sources.
        """
        *others, (edge, source) = incoming
        value = views[source].bypass
        if factors is not None:
            if not others:
                return value * factors[edge]
            return torch.addcmul(self._passing(others, views, factors, sums), value, factors[edge])
        key = tuple(source for _, source in incoming)
        if key not in sums:
            sums[key] = self._passing(others, views, None, sums) + value if others else value
        return sums[key]
