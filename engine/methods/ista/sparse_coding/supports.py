"""From sparse vectors to cells: the live set, its multipliers in the forward pass, and the pairs of a genotype."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from engine.methods.ista.sparse_coding import Array
from runs.genotypes import darts
from runs.genotypes.cell_networks import NORMAL, REDUCE
from runs.genotypes.derive import live_pairs
from runs.genotypes.genotype import Genotype

SPARSITY = 2
Live = tuple[int, ...]


def live(x: Array, *, sparsity: int = SPARSITY, operations: int | None = None) -> Live | None:
    """Return the entries of largest magnitude, largest first; the lower index wins a tie.

    See docs/methods/ista.md, "Ties take the lower index".

    Args:
        x: [n].
        sparsity: s, the number of entries.
        operations: the number of candidates of an edge, to choose no two entries on the same edge: not the paper's rule
            (docs/methods/ista.md, "A node may use one input twice"). None lets entries share edges.

    Returns:
        None if fewer than s entries of x qualify; the previous support is then kept.
    """
    chosen: list[int] = []
    for entry in np.argsort(-np.abs(x), kind="stable").tolist():
        if x[entry] == 0 or len(chosen) == sparsity:
            break
        if operations is None or entry // operations not in {other // operations for other in chosen}:
            chosen.append(entry)
    return tuple(chosen) if len(chosen) == sparsity else None


def truncated(x: Array, live: Live) -> Array:
    """Return x [n] with zeros outside its live set."""
    kept = np.zeros_like(x)
    kept[list(live)] = x[list(live)]
    return kept


def bias(matrix: Array, x: Array, live: Live) -> Array:
    """Return (E' x~)_k of the live entries [s], in their order; E = A'A - I with all of A, x~ the truncated x.

    It is constant between two recoveries (docs/methods/ista.md, "Live set and multipliers").
    """
    columns, kept = matrix[:, list(live)], x[list(live)]
    return columns.T @ (columns @ kept) - kept


def alphas(matrix: Array, code: Array, bias: Array, live: Live) -> Array:
    """Return the multipliers A_k'b - bias_k of the live entries [s], in their order.

    See docs/methods/ista.md, "Live set and multipliers".
    """
    return matrix[:, list(live)].T @ code - bias


def margin(x: Array) -> float:
    """Return (|x|_2nd - |x|_3rd) / |x|_1st: how clear the choice of two is; 0 for a zero vector.

    See docs/methods/ista.md, "What to watch".
    """
    first, second, third = np.sort(np.abs(x))[::-1][:3].tolist()
    return (second - third) / first if first else 0.0


def genotype(cells: Mapping[str, Sequence[Live]], operations: Sequence[str]) -> Genotype:
    """Return the cells that the live sets stand for, with the larger entry of a node last.

    See docs/methods/ista.md, "Genotype".

    Args:
        cells: the live sets of the nodes, by kind of cell.
        operations: the names of an edge's candidates.
    """
    pairs = {kind: [pair for live in nodes for pair in live_pairs(live, operations)] for kind, nodes in cells.items()}
    return darts.genotype(pairs[NORMAL], pairs[REDUCE])
