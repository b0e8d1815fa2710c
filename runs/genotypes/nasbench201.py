"""NAS-Bench-201 cells as strings, and what they cost, in closed form."""

from __future__ import annotations

import re
from collections.abc import Sequence

from runs.catalogue.spaces.nasbench201 import SPACE
from runs.errors import UsageError, closest
from runs.genotypes.genotype import Cell, Edge, Genotype

_TOKEN = re.compile(r"([^|~+]+)~([0-9]{1,9})")
_OUTPUT = SPACE.edges[-1][1]


def genotype(operations: Sequence[int]) -> Genotype:
    """Return the cell with these operations, one index an edge in the order of the space."""
    edges = tuple(
        Edge(source, target, SPACE.operations[operation])
        for (source, target), operation in zip(SPACE.edges, operations, strict=True)
    )
    return Genotype(SPACE.name, {"cell": Cell(1, edges, (_OUTPUT,))})


def operation_indices(architecture: Genotype) -> list[int]:
    """Return one operation index an edge, in the order of the space.

    Raises:
        UsageError: the genotype is none of this space; the message says which edge is wrong.
    """
    if architecture.space != SPACE.name:
        raise UsageError(f"The genotype belongs to the space '{architecture.space[:80]}', not to '{SPACE.name}'.")
    if set(architecture.cells) != {"cell"}:
        kinds = ", ".join(architecture.cells)[:80]
        raise UsageError(f"A genotype of '{SPACE.name}' has one kind of cell, 'cell', and not '{kinds}'.")
    found: dict[tuple[int, int], int] = {}
    for edge in architecture.cells["cell"].edges:
        where = (edge.source, edge.target)
        if where not in SPACE.edges or where in found:
            raise UsageError(f"Edge {edge.target}←{edge.source} is {'doubled' if where in found else 'unknown'}.")
        if edge.operation not in SPACE.operations:
            raise UsageError(
                f"Unknown operation '{edge.operation[:80]}' on edge {edge.target}←{edge.source}.",
                closest(edge.operation, SPACE.operations),
            )
        found[where] = SPACE.operations.index(edge.operation)
    # An edge that is left out carries nothing: the benchmark writes it as `none`.
    return [found.get(edge, 0) for edge in SPACE.edges]


def format_string(architecture: Genotype) -> str:
    """Return the benchmark's string, ``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``, every edge named."""
    indices = dict(zip(SPACE.edges, operation_indices(architecture), strict=True))
    nodes = []
    for target in range(1, _OUTPUT + 1):
        tokens = (f"{SPACE.operations[indices[source, target]]}~{source}" for source in range(target))
        nodes.append(f"|{'|'.join(tokens)}|")
    return "+".join(nodes)


def parse_string(text: str) -> Genotype:
    """Read the benchmark's string. Inputs that a node leaves out become ``none`` (drnas.md, T20).

    Raises:
        UsageError: it is none; the message names the node or the operation.
    """
    nodes = text.strip().split("+")
    if len(nodes) != _OUTPUT:
        raise UsageError(f"A NAS-Bench-201 string has {_OUTPUT} nodes joined by '+', not {len(nodes)}: '{text[:80]}'.")
    edges = []
    for target, node in enumerate(nodes, start=1):
        for token in filter(None, node.strip().strip("|").split("|")):
            match = _TOKEN.fullmatch(token.strip())
            if match is None:
                raise UsageError(f"'{token[:80]}' at node {target} is not of the form operation~input.")
            source = int(match[2])
            if source >= target:
                raise UsageError(f"Node {target} cannot take node {source} as input.")
            edges.append(Edge(source, target, match[1]))
    read = Genotype(SPACE.name, {"cell": Cell(1, tuple(edges), (_OUTPUT,))})
    return genotype(operation_indices(read))


def parameters(architecture: Genotype, *, channels: int = 16, cells: int = 5, classes: int = 10) -> int:
    """Return the trainable parameters of the discrete network, batch norms with affine included.

    The counts of one edge are summed over the three stages of widths C, 2C and 4C; every edge counts, even one that
    lies on a dead path. At C = 16, N = 5 and 10 classes this is 73,306 + 28,000 per 1x1 + 243,040 per 3x3.
    """
    widths = [channels, 2 * channels, 4 * channels]
    total = 3 * 9 * channels + 2 * channels  # stem: 3x3 convolution and batch norm
    for width in widths[:-1]:
        wide = 2 * width  # reduction: two 3x3 convolutions with batch norms, 1x1 shortcut
        total += 9 * width * wide + 2 * wide + 9 * wide * wide + 2 * wide + width * wide
    for operation in operation_indices(architecture):
        kernel = _kernel_area(operation)
        total += cells * sum(kernel * width * width + 2 * width for width in widths if kernel)
    return total + 2 * widths[-1] + widths[-1] * classes + classes  # last batch norm and classifier


def macs(architecture: Genotype, *, channels: int = 16, cells: int = 5, classes: int = 10, size: int = 32) -> int:
    """Return the multiply-accumulates of convolutions and the classifier for one square image of side ``size``."""
    widths = [channels, 2 * channels, 4 * channels]
    # A stride-2 convolution with padding, and the shortcut's 2x2 pool, both see every second pixel.
    sides = [size, (size + 1) // 2, ((size + 1) // 2 + 1) // 2]
    total = 27 * channels * size * size
    for width, side in zip(widths[:-1], sides[1:], strict=True):
        wide = 2 * width
        total += (9 * width * wide + 9 * wide * wide + width * wide) * side * side
    for operation in operation_indices(architecture):
        kernel = _kernel_area(operation)
        total += cells * sum(kernel * w * w * s * s for w, s in zip(widths, sides, strict=True))
    return total + widths[-1] * classes


def _kernel_area(operation: int) -> int:
    return {"nor_conv_1x1": 1, "nor_conv_3x3": 9}.get(SPACE.operations[operation], 0)
