"""From architecture weights to cells: the derivation rules of the papers, as pure functions of plain lists.

Rows are edges in the order of the space (node by node, then by source), columns are operations. A rule returns a cell
as pairs (operation, source), which :func:`runs.genotypes.darts.genotype` takes. Ties are stable: the lower edge and the
lower operation win, unless a rule says otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from runs.genotypes.darts import INPUTS, TOPOLOGY, Pair
from runs.genotypes.genotype import NONE

Row = Sequence[float]
Rows = Sequence[Row]
Kept = Sequence[Sequence[int]]

SKIP = "skip_connect"
CHOSEN = 2


def softmax(alphas: Rows, kept: Kept | None = None) -> list[list[float]]:
    """Return the softmax of each edge over its kept operations; the others get weight 0."""
    return [_softmax(row, kept[edge] if kept else range(len(row))) for edge, row in enumerate(alphas)]


def dirichlet_mean(alphas: Rows, kept: Kept | None = None) -> list[list[float]]:
    """Return the mean of Dirichlet(elu(alpha) + 1) of each edge over its kept operations (DrNAS).

    See docs/methods/drnas.md, "Concentration".
    """
    means = []
    for edge, row in enumerate(alphas):
        alive = kept[edge] if kept else range(len(row))
        # elu(x) + 1 is exp(x) below zero; computing it so keeps tiny concentrations above zero.
        conc = [(x + 1 if x > 0 else math.exp(x)) if column in alive else 0.0 for column, x in enumerate(row)]
        total = sum(conc)
        means.append([value / total for value in conc])
    return means


def edge_weights(betas: Row) -> list[float]:
    """Return the softmax of the edge parameters over the edges into each node (PC-DARTS).

    See docs/methods/baselines.md, "PC-DARTS".
    """
    return [weight for edges in _nodes(len(betas)) for weight in _softmax([betas[edge] for edge in edges])]


def scaled(weights: Rows, edges: Row) -> list[list[float]]:
    """Return the operation weights multiplied by the weight of their edge."""
    return [[weight * scale for weight in row] for row, scale in zip(weights, edges, strict=True)]


def best(weights: Rows) -> list[int]:
    """Return the index of the operation with the largest weight on each edge (NAS-Bench-201)."""
    return [max(range(len(row)), key=row.__getitem__) for row in weights]


def two_a_node(weights: Rows, operations: Sequence[str], *, none_competes: bool = False) -> list[Pair]:
    """Return the two strongest edges into each node, strongest first, each with its best operation.

    An edge is as strong as its best operation (DARTS, section 2.4; DrNAS; PC-DARTS on scaled weights; TE-NAS).

    Args:
        weights: 14 x operations, for instance from :func:`softmax`. The weight of ``none`` counts in a softmax, but
            ``none`` is neither ranked nor chosen.
        operations: names of the columns.
        none_competes: whether ``none`` is ranked and chosen like the others (SNAS, random search).
    """
    columns = [column for column, name in enumerate(operations) if none_competes or name != NONE]
    return _ranked(weights, operations, columns, CHOSEN)


def all_edges(weights: Rows, operations: Sequence[str]) -> list[Pair]:
    """Return every edge, the strongest of a node first, each with its best operation, ``none`` included (SNAS).

    See docs/methods/baselines.md, "SNAS".
    """
    return _ranked(weights, operations, range(len(operations)), len(TOPOLOGY.edges))


def survivors(alphas: Rows, candidates: Sequence[Sequence[str]], drop: int) -> list[list[str]]:
    """Return the candidates of each edge without the ``drop`` weakest (P-DARTS).

    See docs/methods/baselines.md, "P-DARTS"."""
    kept = []
    for weights, names in zip(softmax(alphas), candidates, strict=True):
        weakest = sorted(range(len(names)), key=weights.__getitem__)[:drop]
        kept.append([name for column, name in enumerate(names) if column not in weakest])
    return kept


def pdarts(alphas: Rows, candidates: Sequence[Sequence[str]], *, skips: int | None = None) -> list[Pair]:
    """Return the cell of the last stage of P-DARTS, edges in order.

    See docs/methods/baselines.md, "Rule of the last stage".

    Args:
        alphas: 14 x remaining candidates.
        candidates: names of each edge's candidates; they may include ``none``.
        skips: the most skip connections that the cell may keep. While it has more, the weakest gets weight 0.
    """
    weights = softmax(alphas)
    while True:
        chosen, strengths = [], []
        for row, names in zip(weights, candidates, strict=True):
            column = max((column for column, name in enumerate(names) if name != NONE), key=row.__getitem__)
            chosen.append(names[column])
            strengths.append(row[column])
        edges = [edge for node in _strongest(strengths) for edge in sorted(node)]
        skipping = [edge for edge in edges if chosen[edge] == SKIP]
        if skips is None or len(skipping) <= skips:
            return [(chosen[edge], TOPOLOGY.edges[edge][0]) for edge in edges]
        weakest = min(skipping, key=strengths.__getitem__)
        weights[weakest][candidates[weakest].index(SKIP)] = 0.0


def prdarts(alphas: Rows, candidates: Sequence[Sequence[str]], *, none_competes: bool = True) -> list[Pair]:
    """Return the cell of the last stage of PR-DARTS, edges in order.

    See docs/methods/prdarts.md, "Final genotype".

    The strength of an edge is the largest softmax weight over its candidates. Ties go to the later one, both among the
    candidates of an edge and among the edges into a node.

    Args:
        alphas: one row per edge, one entry per candidate.
        candidates: names of each edge's candidates.
        none_competes: whether ``none`` may win against other candidates.
    """
    winners, strengths = [], []
    for row, names in zip(softmax(alphas), candidates, strict=True):
        columns = [column for column, name in enumerate(names) if none_competes or name != NONE] or range(len(names))
        column = max(columns, key=lambda of: (row[of], of))
        winners.append(names[column])
        strengths.append(row[column])
    edges = [edge for node in _strongest(strengths, later=True) for edge in sorted(node)]
    return [(winners[edge], TOPOLOGY.edges[edge][0]) for edge in edges]


def support(codes: Rows, operations: Sequence[str]) -> list[Pair]:
    """Return the cell of sparse codes: per node the two entries of largest magnitude, the larger one last (ISTA-NAS).

    See docs/methods/ista.md, "Genotype".

    Args:
        codes: one row per node, of (inputs of the node) x (operations) entries, source by source.
        operations: names of the operations.
    """
    cell: list[Pair] = []
    for row in codes:
        live = sorted(range(len(row)), key=lambda entry: -abs(row[entry]))[:CHOSEN]
        cell += live_pairs(live, operations)
    return cell


def live_pairs(live: Sequence[int], operations: Sequence[str]) -> list[Pair]:
    """Return the live entries of a node's code as pairs, the first entry last (ISTA-NAS).

    See docs/methods/ista.md, "Genotype".

    Args:
        live: entries source x (operations) + operation, the largest first.
        operations: names of the operations.
    """
    return [(operations[entry % len(operations)], entry // len(operations)) for entry in reversed(live)]


def _ranked(weights: Rows, operations: Sequence[str], columns: Sequence[int], most: int) -> list[Pair]:
    chosen = [max(columns, key=row.__getitem__) for row in weights]
    strengths = [row[column] for row, column in zip(weights, chosen, strict=True)]
    edges = [edge for node in _strongest(strengths, most) for edge in node]
    return [(operations[chosen[edge]], TOPOLOGY.edges[edge][0]) for edge in edges]


def _softmax(row: Row, kept: Sequence[int] | None = None) -> list[float]:
    alive = range(len(row)) if kept is None else kept
    top = max(row[column] for column in alive)
    powers = [math.exp(value - top) if column in alive else 0.0 for column, value in enumerate(row)]
    total = sum(powers)
    return [power / total for power in powers]


def _nodes(edges: int) -> Iterator[range]:
    """Yield the edges into each node."""
    first, target = 0, INPUTS
    while first < edges:
        yield range(first, first + target)
        first, target = first + target, target + 1


def _strongest(strengths: Row, most: int = CHOSEN, *, later: bool = False) -> Iterator[list[int]]:
    """Yield the strongest edges into each node, the stronger first; of equals the earlier one, unless ``later``."""
    for edges in _nodes(len(strengths)):
        yield sorted(edges, key=lambda edge: (-strengths[edge], -edge if later else edge))[:most]
