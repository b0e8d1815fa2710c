"""NAS-Bench-201 cells as strings, and their costs in closed form."""

from __future__ import annotations

import re
from collections.abc import Sequence

from runs.errors import UsageError
from runs.genotypes.costs import CostFormula, Costs, Shape
from runs.genotypes.genotype import NONE, Cell, Edge, Genotype
from runs.genotypes.kinds import OperationKind
from runs.genotypes.text_form import TextForm
from runs.genotypes.topology import Topology

CELL = "cell"
KINDS = {
    NONE: OperationKind.NONE,
    "skip_connect": OperationKind.SKIP,
    "nor_conv_1x1": OperationKind.CONVOLUTION,
    "nor_conv_3x3": OperationKind.CONVOLUTION,
    "avg_pool_3x3": OperationKind.POOL,
}
TOPOLOGY = Topology(
    space="nasbench201",
    cells=(CELL,),
    edges=((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)),
    operations=tuple(KINDS),
    outputs=(3,),
)
_TOKEN = re.compile(r"([^|~+]+)~([0-9]{1,9})")
_OUTPUT = TOPOLOGY.outputs[0]


def genotype(operations: Sequence[int]) -> Genotype:
    """Return the genotype with these operations, given as one column per edge in the order of the space."""
    return TOPOLOGY.genotype({CELL: operations})


def operation_indices(architecture: Genotype) -> list[int]:
    """Return the column of each edge's operation, in the order of the space.

    Raises:
        UsageError: the genotype does not belong to the space; the message names the invalid edge.
    """
    return TOPOLOGY.columns(architecture)[CELL]


def format_string(architecture: Genotype) -> str:
    """Return the benchmark's string, ``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``, with every edge."""
    indices = dict(zip(TOPOLOGY.edges, operation_indices(architecture), strict=True))
    nodes = []
    for target in range(1, _OUTPUT + 1):
        tokens = (f"{TOPOLOGY.operations[indices[source, target]]}~{source}" for source in range(target))
        nodes.append(f"|{'|'.join(tokens)}|")
    return "+".join(nodes)


def parse_string(text: str) -> Genotype:
    """Read the benchmark's string, with or without quotes. Missing inputs of a node are ``none``.

    See docs/methods/drnas.md, "Missing inputs of a string become none".

    Raises:
        UsageError: it is not such a string; the message names the node or the operation.
    """
    nodes = text.strip().strip("'\"").split("+")
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
    read = Genotype(TOPOLOGY.space, {CELL: Cell(1, tuple(edges), (_OUTPUT,))})
    return genotype(operation_indices(read))


def parameters(architecture: Genotype, *, channels: int = 16, cells: int = 5, classes: int = 10) -> int:
    """Return the trainable parameters of the discrete network, including affine batch norms.

    The costs of each edge are summed over the three stages of widths C, 2C and 4C. Every edge counts, even on a dead
    path. At C = 16, N = 5 and 10 classes, the result is 73,306 + 28,000 per 1x1 + 243,040 per 3x3 convolution.
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
    """Return the multiply-accumulates of convolutions and classifier for one square image of side ``size``."""
    widths = [channels, 2 * channels, 4 * channels]
    # A stride-2 convolution with padding, and the shortcut's 2x2 pool, both round the side up.
    sides = [size, (size + 1) // 2, ((size + 1) // 2 + 1) // 2]
    total = 27 * channels * size * size
    for width, side in zip(widths[:-1], sides[1:], strict=True):
        wide = 2 * width
        total += (9 * width * wide + 9 * wide * wide + width * wide) * side * side
    for operation in operation_indices(architecture):
        kernel = _kernel_area(operation)
        total += cells * sum(kernel * w * w * s * s for w, s in zip(widths, sides, strict=True))
    return total + widths[-1] * classes


def count(architecture: Genotype, shape: Shape) -> Costs:
    """Return the costs of a genotype's network; ``layers`` of the shape is the number of cells per stage.

    Raises:
        UsageError: the genotype does not belong to the space.
    """
    width = {"channels": shape.channels, "cells": shape.layers, "classes": shape.classes}
    return Costs(parameters(architecture, **width), 0, macs(architecture, size=shape.size, **width))


COSTS = CostFormula({"cifar": Shape(channels=16, layers=5)}, count)
STRING = TextForm("a NAS-Bench-201 string", lambda text: text.startswith(("|", "'|", '"|')), parse_string)


def _kernel_area(operation: int) -> int:
    return {"nor_conv_1x1": 1, "nor_conv_3x3": 9}.get(TOPOLOGY.operations[operation], 0)
