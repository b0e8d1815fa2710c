"""The networks of DARTS-like cells, from stem to classifier: the slots of their cells, and what they cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from runs.errors import UsageError
from runs.genotypes import operations
from runs.genotypes.genotype import Cell, Edge, Genotype
from runs.genotypes.operations import Cost, norm, out_size, reduction, relu_convolution

NORMAL, REDUCE = "normal", "reduce"
AUXILIARY_WIDTH, AUXILIARY_FEATURES = 128, 768
LEAST_LAYERS = 3


@dataclass(frozen=True)
class CellSlot:
    """The slot of a cell in a network.

    See docs/methods/baselines.md, "Search network" and "Evaluation network".

    Attributes:
        kind: ``normal`` or ``reduce``; a reduction cell halves the side of its maps.
        channels: C of this cell, after the doubling at a reduction.
        channels_before: output channels of the two previous cells, the earlier one first.
        after_reduction: whether the first input is twice as large as the second, and goes through a reduction.
        sizes: side of the maps of both inputs.
        auxiliary: whether the auxiliary head reads this cell.
    """

    kind: str
    channels: int
    channels_before: tuple[int, int]
    after_reduction: bool
    sizes: tuple[int, int]
    auxiliary: bool

    @property
    def size(self) -> int:
        """Side of the maps that edges from the inputs read."""
        return self.sizes[1]

    def stride(self, source: int) -> int:
        """Return the stride of the edges that leave a node: 2 for the inputs of a reduction cell."""
        return 2 if self.kind == REDUCE and source < 2 else 1


def reductions(layers: int) -> tuple[int, int]:
    """Return the indices of the reduction cells: L // 3 and 2 L // 3.

    Raises:
        UsageError: there are fewer than three cells, so that none would be normal
            (docs/methods/drnas.md, "At least three cells").
    """
    if layers < LEAST_LAYERS:
        raise UsageError(f"{layers} cells are too few: a network of cells needs at least {LEAST_LAYERS}.")
    return layers // 3, 2 * layers // 3


def slots(
    *, channels: int, layers: int, size: int, stem: str, outputs: Mapping[str, int], search: bool = False
) -> Iterator[CellSlot]:
    """Yield the cells of a network in order.

    Args:
        channels: C of the first cells.
        layers: the number of cells.
        size: side of the images.
        stem: ``cifar`` or ``imagenet``.
        outputs: how many nodes the output of each kind of cell concatenates.
        search: whether the ImageNet stem is that of a search network, 3C wide.
    """
    reducing = reductions(layers)
    if stem == "imagenet":
        wide = 3 * channels if search else channels
        quarter = out_size(out_size(size, 2), 2)
        before, sizes, after_reduction = (wide, wide), (quarter, out_size(quarter, 2)), True
    else:
        before, sizes, after_reduction = (3 * channels, 3 * channels), (size, size), False
    for index in range(layers):
        kind = REDUCE if index in reducing else NORMAL
        channels *= 2 if kind == REDUCE else 1
        yield CellSlot(kind, channels, before, after_reduction, sizes, index == reducing[1])
        before = (before[1], outputs[kind] * channels)
        sizes = (sizes[1], out_size(sizes[1], 2) if kind == REDUCE else sizes[1])
        after_reduction = kind == REDUCE


def discrete(
    genotype: Genotype, *, channels: int, layers: int, classes: int, size: int, stem: str, norms: str = "plain"
) -> Cost:
    """Return the cost of the evaluation network of a genotype, without the auxiliary head.

    Args:
        genotype: with cells ``normal`` and ``reduce``.
        channels: C of the first cells.
        layers: the number of cells.
        classes: the number of classes of the data set.
        size: side of the images.
        stem: ``cifar`` or ``imagenet``.
        norms: batch norm after parameterless operations, see :data:`NORMS`.
    """
    widths = {kind: len(cell.outputs) for kind, cell in genotype.cells.items()}
    walk = list(slots(channels=channels, layers=layers, size=size, stem=stem, outputs=widths))
    total = stem_cost(channels, size, stem)
    for slot in walk:
        cell = genotype.cells[slot.kind]
        total += _preprocessing(slot, affine=True)
        for edge in cell.edges:
            total += _edge(edge, slot, norms)
    return total + _classifier(genotype, walk[-1], classes)


def auxiliary(genotype: Genotype, *, channels: int, layers: int, classes: int, stem: str, second_norm: bool) -> int:
    """Return the parameters of the auxiliary head: two convolutions and a linear layer after cell 2L // 3.

    ``second_norm``: whether a batch norm follows the second convolution. On CIFAR it always does; on ImageNet, in some
    code only.
    """
    reductions(layers)
    features = 4 * channels * len(genotype.cells[REDUCE].outputs)
    total = features * AUXILIARY_WIDTH + 2 * AUXILIARY_WIDTH + AUXILIARY_WIDTH * AUXILIARY_FEATURES * 4
    if stem == "cifar" or second_norm:
        total += 2 * AUXILIARY_FEATURES
    return total + AUXILIARY_FEATURES * classes + classes


def supernet(
    candidates: Mapping[str, Sequence[Sequence[str]]],
    edges: Sequence[tuple[int, int]],
    *,
    channels: int,
    layers: int,
    classes: int,
    size: int,
    stem: str,
    partial: int = 1,
) -> Cost:
    """Return the cost of a search network that runs every candidate of every edge; its batch norms are not affine.

    Args:
        candidates: per kind of cell and edge, the names of its operations.
        edges: (source, target) of each edge.
        channels: C of the first cells.
        layers: the number of cells.
        classes: the number of classes of the data set.
        size: side of the images.
        stem: ``cifar``, or ``imagenet`` with 3C channels.
        partial: k: operations see C // k channels (docs/methods/drnas.md, "Partial channels").
    """
    nodes = len({target for _, target in edges})
    outputs = {NORMAL: nodes, REDUCE: nodes}
    walk = list(slots(channels=channels, layers=layers, size=size, stem=stem, outputs=outputs, search=True))
    total = stem_cost(channels, size, stem, search=True)
    for slot in walk:
        total += _preprocessing(slot, affine=False)
        for (source, _), names in zip(edges, candidates[slot.kind], strict=True):
            stride = slot.stride(source)
            side = slot.size if source < 2 else out_size(slot.size, slot.stride(0))
            for name in names:
                total += operations.cost(
                    operations.operation(name), slot.channels // partial, side, stride, affine=False
                )
    features = nodes * walk[-1].channels
    return total + Cost(features * classes + classes, features * classes)


def stem_cost(channels: int, size: int, stem: str, *, search: bool = False) -> Cost:
    """Return the cost of the layers before the first cell."""
    if stem == "cifar":
        return Cost(81 * channels, 81 * channels * size**2) + norm(3 * channels, size)
    wide = 3 * channels if search else channels
    half = out_size(size, 2)
    quarter = out_size(half, 2)
    first = Cost(27 * (wide // 2), 27 * (wide // 2) * half**2) + norm(wide // 2, half)
    second = relu_convolution(wide // 2, wide, half, kernel=3, stride=2)
    third = relu_convolution(wide, wide, quarter, kernel=3, stride=2)
    return first + second + third


# Which operations without weights are followed by batch norm in evaluation networks. `pool` has no scale and shift.
NORMS: dict[str, str] = {
    "plain": "none: DARTS, PC-DARTS, P-DARTS, ISTA-NAS plain, PR-DARTS",
    "pool": "after pools, without scale and shift: DrNAS, TE-NAS",
    "affine_pool": "after pools, with scale and shift: SNAS",
    "all": "after pools and stride-1 skips, with scale and shift: ISTA-NAS one-stage ('bn')",
}


def _edge(edge: Edge, slot: CellSlot, norms: str) -> Cost:
    stride = slot.stride(edge.source)
    side = slot.size if edge.source < 2 else out_size(slot.size, slot.stride(0))
    of = operations.operation(edge.operation)
    total = operations.cost(of, slot.channels, side, stride)
    if isinstance(of, operations.Pool) and norms != "plain":
        total += norm(slot.channels, out_size(side, stride), affine=norms != "pool")
    if isinstance(of, operations.Skip) and stride == 1 and norms == "all":
        total += norm(slot.channels, side)
    return total


def _preprocessing(slot: CellSlot, *, affine: bool) -> Cost:
    older, newer = slot.channels_before
    first: Callable[..., Cost] = reduction if slot.after_reduction else relu_convolution
    return first(older, slot.channels, slot.sizes[0], affine=affine) + relu_convolution(
        newer, slot.channels, slot.sizes[1], affine=affine
    )


def _classifier(genotype: Genotype, last: CellSlot, classes: int) -> Cost:
    cell: Cell = genotype.cells[last.kind]
    features = len(cell.outputs) * last.channels
    return Cost(features * classes + classes, features * classes)
