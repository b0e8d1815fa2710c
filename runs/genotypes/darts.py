"""Cells of the DARTS space: two inputs, nodes that sum their edges, and a concatenation of nodes as output.

Papers list a cell as pairs (operation, source): two per node from node 2 on, or one for every edge. The cells of NASNet
and AmoebaNet fit too: they have five nodes, may read a source twice, and leave nodes out of the output.
"""

from __future__ import annotations

from collections.abc import Sequence

from runs.errors import UsageError, closest
from runs.genotypes import cell_networks
from runs.genotypes.cell_networks import NORMAL, REDUCE
from runs.genotypes.costs import CostFormula, Costs, Shape
from runs.genotypes.genotype import NONE, Cell, Edge, Genotype, edge_label
from runs.genotypes.operations import operation
from runs.genotypes.topology import Topology

Pair = tuple[str, int]

INPUTS = 2
CONCAT = (2, 3, 4, 5)
MOST_NODES = 30
# The cells of searches: every edge, and the operations of the paper. A genotype keeps two edges per node.
TOPOLOGY = Topology(
    space="darts",
    cells=(NORMAL, REDUCE),
    edges=tuple((source, target) for target in CONCAT for source in range(target)),
    operations=(
        NONE,
        "max_pool_3x3",
        "avg_pool_3x3",
        "skip_connect",
        "sep_conv_3x3",
        "sep_conv_5x5",
        "dil_conv_3x3",
        "dil_conv_5x5",
    ),
    outputs=CONCAT,
)


def genotype(
    normal: Sequence[Pair],
    reduce: Sequence[Pair],
    normal_concat: Sequence[int] = CONCAT,
    reduce_concat: Sequence[int] = CONCAT,
) -> Genotype:
    """Return the genotype of two lists of pairs (operation, source), two per node or one for every edge.

    Raises:
        UsageError: it does not belong to the space; the message names the cell, the node or edge, and the operation.
    """
    cells = {NORMAL: _cell(NORMAL, normal, normal_concat), REDUCE: _cell(REDUCE, reduce, reduce_concat)}
    made = Genotype(TOPOLOGY.space, cells)
    check(made)
    return made


def pairs(cell: Cell) -> list[Pair]:
    """Return a cell as pairs (operation, source): two per node, or else one for every edge.

    In the second form, a missing edge is written as ``none``, which computes the same.
    """
    nodes = _incoming(cell)
    if _two_a_node(nodes):
        return [(edge.operation, edge.source) for edges in nodes for edge in edges]
    listed: list[Pair] = []
    for target, edges in enumerate(nodes, start=INPUTS):
        listed += [(edge.operation, edge.source) for edge in edges]
        listed += [(NONE, source) for source in range(target) if source not in {edge.source for edge in edges}]
    return listed


def check(architecture: Genotype) -> None:
    """Check that a genotype belongs to the space.

    Raises:
        UsageError: it does not; the message names the cell, the node or edge, and the operation.
    """
    if architecture.space != TOPOLOGY.space:
        raise UsageError(f"The genotype belongs to the space '{architecture.space[:80]}', not to '{TOPOLOGY.space}'.")
    for kind in architecture.cells:
        if kind not in TOPOLOGY.cells:
            raise UsageError(f"Unknown cell '{kind[:80]}'.", closest(kind, TOPOLOGY.cells))
    for kind in TOPOLOGY.cells:
        if kind not in architecture.cells:
            raise UsageError(f"The genotype has no cell '{kind}'.")
        _check_cell(kind, architecture.cells[kind])


def count(genotype: Genotype, shape: Shape) -> Costs:
    """Return the costs of a genotype's evaluation network.

    Raises:
        UsageError: the genotype does not belong to the space, or the shape has unknown norms or too few layers.
    """
    check(genotype)
    if shape.norms not in cell_networks.NORMS:
        known = ", ".join(cell_networks.NORMS)
        raise UsageError(f"Unknown norms '{shape.norms[:80]}'.", f"Allowed: {known}.")
    channels, layers, classes, stem = shape.channels, shape.layers, shape.classes, shape.stem
    total = cell_networks.discrete(
        genotype, channels=channels, layers=layers, classes=classes, stem=stem, size=shape.size, norms=shape.norms
    )
    auxiliary = cell_networks.auxiliary(
        genotype, channels=channels, layers=layers, classes=classes, stem=stem, second_norm=shape.auxiliary_norm
    )
    return Costs(total.parameters, auxiliary, total.macs, total.norms, total.relus)


# The network sizes of the papers: CIFAR, and the mobile setting on ImageNet.
COSTS = CostFormula(
    {
        "cifar": Shape(channels=36, layers=20),
        "imagenet": Shape(channels=48, layers=14, classes=1000, size=224, stem="imagenet"),
    },
    count,
)


def _cell(kind: str, listed: Sequence[Pair], concat: Sequence[int]) -> Cell:
    outputs = tuple(concat)
    targets = _targets(kind, len(listed), outputs)
    edges = tuple(Edge(source, target, name) for (name, source), target in zip(listed, targets, strict=True))
    return Cell(INPUTS, edges, outputs)


def _targets(kind: str, entries: int, concat: Sequence[int]) -> list[int]:
    """Return the node that each entry belongs to."""
    if entries > MOST_NODES * (MOST_NODES + 3) // 2:
        raise UsageError(f"Cell '{kind}' has {entries:,} entries; it can have at most {MOST_NODES} nodes.")
    for nodes in range(1, MOST_NODES + 1):
        # Fourteen entries are either every edge of 4 nodes or two edges for each of 7. The last node is an output,
        # which decides.
        if entries == nodes * (nodes + 3) // 2 and max(concat, default=0) < INPUTS + nodes:
            return [target for target in range(INPUTS, INPUTS + nodes) for _ in range(target)]
    if entries % 2 or not entries:
        raise UsageError(
            f"Cell '{kind}' has {entries} entries.", "It needs two a node, or one for every edge (14 for 4 nodes)."
        )
    return [INPUTS + entry // 2 for entry in range(entries)]


def _check_cell(kind: str, cell: Cell) -> None:
    if cell.inputs != INPUTS:
        raise UsageError(f"Cell '{kind}' has {cell.inputs} inputs; a DARTS cell has {INPUTS}.")
    if not cell.edges:
        raise UsageError(f"Cell '{kind}' has no edge.")
    reached = INPUTS - 1
    for edge in cell.edges:
        where = f"{edge_label(edge.source, edge.target)} of cell '{kind}'"
        if edge.target >= INPUTS + MOST_NODES:
            raise UsageError(f"Edge {where} is beyond the {MOST_NODES} nodes that a cell can have.")
        if not 0 <= edge.source < edge.target:
            raise UsageError(
                f"Node {edge.target} of cell '{kind}' cannot take node {edge.source} as input.",
                f"Its inputs are nodes 0 … {edge.target - 1}.",
            )
        if edge.target < INPUTS:
            raise UsageError(f"Edge {where} leads into an input of the cell.")
        if edge.target < reached:
            raise UsageError(f"Edge {where} comes after one into node {reached}.", "List the edges node by node.")
        if edge.target > reached + 1:
            raise UsageError(f"No edge leads into node {reached + 1} of cell '{kind}'.", "`none` is an edge too.")
        reached = edge.target
        try:
            operation(edge.operation)
        except UsageError as error:
            raise UsageError(f"Unknown operation '{edge.operation[:80]}' on edge {where}.", error.hint) from None
    _check_outputs(kind, cell, reached)
    nodes = _incoming(cell)
    for target, edges in enumerate(nodes, start=INPUTS):
        sources = [edge.source for edge in edges]
        if not _two_a_node(nodes) and len(set(sources)) < len(sources):
            twice = next(source for source in sources if sources.count(source) > 1)
            raise UsageError(
                f"Node {target} of cell '{kind}' reads node {twice} twice.", "Only cells of two edges a node may."
            )


def _check_outputs(kind: str, cell: Cell, last: int) -> None:
    for output in cell.outputs:
        if not INPUTS <= output <= last:
            raise UsageError(f"Output {output} of cell '{kind}' is not a node.", f"Its nodes are {INPUTS} … {last}.")
    if len(set(cell.outputs)) < len(cell.outputs):
        raise UsageError(f"Cell '{kind}' lists an output twice: {', '.join(map(str, cell.outputs))}.")
    if last not in cell.outputs:
        raise UsageError(f"Node {last} of cell '{kind}' leads nowhere.", "The last node must be an output.")


def _incoming(cell: Cell) -> list[list[Edge]]:
    last = max(edge.target for edge in cell.edges)
    return [[edge for edge in cell.edges if edge.target == node] for node in range(INPUTS, last + 1)]


def _two_a_node(nodes: list[list[Edge]]) -> bool:
    return all(len(edges) == 2 for edges in nodes)
