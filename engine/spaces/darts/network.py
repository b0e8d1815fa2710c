"""The discrete network of a genotype of DARTS-like cells, as the papers retrain it.

See docs/methods/baselines.md, "Evaluation network".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.spaces.darts import operations
from engine.spaces.darts.stems import AuxiliaryHead, CifarStem, ImageNetStem, preprocessing, rectified
from engine.spaces.layers import Rectified
from engine.spaces.space import DiscreteNetwork
from runs.genotypes.cell_networks import REDUCE, CellSlot, slots
from runs.genotypes.genotype import Cell, Edge, Genotype


class CellNetwork(DiscreteNetwork):
    """Stem, cells, global average pool and classifier.

    Args:
        genotype: with cells ``normal`` and ``reduce``.
        channels: C of the first cells.
        layers: the number of cells.
        classes: of the data set.
        stem: ``cifar`` keeps the side of the images, ``imagenet`` divides it by eight before the first cell.
        norms: batch norm after operations without weights, see :data:`runs.genotypes.cell_networks.NORMS`.
        auxiliary: whether to train a second classifier on cell 2L // 3.
        auxiliary_norm: whether its second convolution also has a batch norm with the ImageNet stem; with the CIFAR stem
            it always has one.

    Attributes:
        cells: the cells, which may be compiled one by one.
        drops: how many operations drop path may drop.
    """

    def __init__(
        self,
        genotype: Genotype,
        *,
        channels: int,
        layers: int,
        classes: int,
        stem: str,
        norms: str = "plain",
        auxiliary: bool = False,
        auxiliary_norm: bool = False,
    ) -> None:
        super().__init__()
        widths = {kind: len(cell.outputs) for kind, cell in genotype.cells.items()}
        # The modules do not depend on the size of the images.
        walk = list(slots(channels=channels, layers=layers, size=1, stem=stem, outputs=widths))
        self.stem = ImageNetStem(channels) if stem == "imagenet" else CifarStem(3 * channels)
        cells = [DiscreteCell(genotype.cells[slot.kind], slot, norms, last=slot is walk[-1]) for slot in walk]
        self.cells = nn.ModuleList(cells)
        self._drops = [cell.drops for cell in cells]
        self.drops = sum(self._drops)
        self.classifier = nn.Linear(widths[walk[-1].kind] * walk[-1].channels, classes)
        self._read_by_head = next(index for index, slot in enumerate(walk) if slot.auxiliary)
        self.auxiliary = (
            AuxiliaryHead(
                widths[REDUCE] * walk[self._read_by_head].channels,
                classes,
                second_norm=stem == "cifar" or auxiliary_norm,
            )
            if auxiliary
            else None
        )

    def forward(self, images: Tensor, drop_factors: Tensor | None = None) -> Tensor | tuple[Tensor, Tensor | None]:
        """Return class scores [B, classes] of images [B, 3, H, W].

        Args:
            images: normalised.
            drop_factors: in training, the factors of drop path for the outputs of operations, [drops, B]; outputs of
                stride-1 identities are never dropped and have no row. None drops nothing.

        Returns:
            in evaluation the scores; in training (scores, scores of the auxiliary classifier or None without one).
        """
        older, newer = rectified(self.stem, images)
        factors: Sequence[Tensor | None] = [None] * len(self.cells)
        if self.training and drop_factors is not None:
            factors = drop_factors.to(newer.dtype).split(self._drops)
        auxiliary = None
        for index, cell in enumerate(self.cells):
            older, newer = newer, cell(older, newer, factors[index])
            if self.training and self.auxiliary is not None and index == self._read_by_head:
                auxiliary = self.auxiliary(newer)
        scores: Tensor = self.classifier(newer.mean((2, 3)))
        return (scores, auxiliary) if self.training else scores

    def parts(self) -> Iterator[nn.Module]:
        """Yield the parts that are worth compiling separately."""
        yield from self.cells


class DiscreteCell(nn.Module):
    """A cell with one operation on each edge, whose inputs and outputs are rectified.

    Everything that reads a cell's output from outside begins with a ReLU, except the classifier after the last cell. So
    each node is rectified once, for the operations that need it and for the output.

    Args:
        cell: of the genotype.
        slot: of the cell in the network.
        norms: see :class:`CellNetwork`.
        last: whether the classifier reads the output, which is then not rectified.

    Attributes:
        placed: the edges of the genotype, each at the index of its module in ``edges``.
        drops: how many operations drop path may drop.
    """

    def __init__(self, cell: Cell, slot: CellSlot, norms: str, *, last: bool) -> None:
        super().__init__()
        self.older, self.newer = preprocessing(slot)
        last_node = max([*cell.outputs, *(edge.target for edge in cell.edges)])
        nodes = range(cell.inputs, last_node + 1)
        bare = set(nodes) - {edge.target for edge in cell.edges}
        self.placed = sorted([*cell.edges, *(Edge(0, node, "none") for node in bare)], key=lambda edge: edge.target)
        self.edges = nn.ModuleList(
            operations.build_normed(edge.operation, slot.channels, slot.stride(edge.source), affine=True, norms=norms)
            for edge in self.placed
        )
        self.drops = 0
        self._outputs = cell.outputs
        self._last = last
        # The edges of each node as (source, edge, row of drop path's factors or None). Edges that are never dropped
        # come first: a sum that begins with one needs no separate multiplication.
        self._nodes: list[list[tuple[int, int, int | None]]] = [[] for _ in nodes]
        for index, edge in enumerate(self.placed):
            incoming = self._nodes[edge.target - cell.inputs]
            if isinstance(self.edges[index], nn.Identity):
                incoming.insert(0, (edge.source, index, None))
            else:
                incoming.append((edge.source, index, self.drops))
                self.drops += 1

    def forward(self, older: Tensor, newer: Tensor, factors: Tensor | None) -> Tensor:
        """Return the concatenated output nodes.

        Args:
            older: output of the cell before the last, rectified.
            newer: output of the last cell, rectified.
            factors: of drop path, [drops, B], or None.
        """
        states = [self.older.body(older), self.newer.body(newer)]
        rectified: dict[int, Tensor] = {}

        def relu(node: int) -> Tensor:
            if node not in rectified:
                rectified[node] = functional.relu(states[node])
            return rectified[node]

        for incoming in self._nodes:
            total = None
            for source, index, row in incoming:
                built = self.edges[index]
                value = built.body(relu(source)) if isinstance(built, Rectified) else built(states[source])
                factor = None if factors is None or row is None else factors[row].view(-1, 1, 1, 1)
                total = _add(total, value, factor)
            assert total is not None
            states.append(total)
        outputs = [states[node] if self._last else relu(node) for node in self._outputs]
        return torch.cat(outputs, dim=1)


def _add(total: Tensor | None, value: Tensor, factor: Tensor | None) -> Tensor:
    """Return total + factor * value in one pass over memory, without a total or factor that is None."""
    if factor is None:
        return value if total is None else total + value
    return value * factor if total is None else torch.addcmul(total, value, factor)
