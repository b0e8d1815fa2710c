"""The measurement matrices of a search: one for each node and kind of cell, drawn once.

See docs/methods/ista.md, "Measurement matrices".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from engine.methods.ista.sparse_coding import Array
from runs.genotypes.cell_networks import NORMAL, REDUCE
from runs.genotypes.darts import INPUTS

ROWS = 7
Measurement = Literal["uniform", "unit_gaussian", "legacy"]


def matrices(
    seed: int, measurement: Measurement = "uniform", *, operations: int = 7, nodes: int = 4, rows: int = ROWS
) -> dict[str, tuple[Array, ...]]:
    """Return the matrices [rows, operations x inputs of the node] of either kind of cell, node by node.

    They are drawn in the order normal node 0, reduction node 0, normal node 1, ..., from a separate generator: a seed
    gives the same matrices, whatever else a run draws.

    Args:
        seed: of that generator.
        measurement: ``uniform`` is i.i.d. uniform on [0, 1), as in the paper. ``unit_gaussian`` is Gaussian with
            columns of norm 1, which is less coherent and not what the authors used
            (docs/methods/ista.md, "Measurement columns are coherent"). ``legacy`` is uniform from the generator that
            the public code used, NumPy's ``RandomState``.
        operations: the number of candidates of an edge.
        nodes: the number of nodes of a cell, without its two inputs.
        rows: m, the length of a code.
    """
    draw = _drawer(seed, measurement)
    cells: dict[str, list[Array]] = {NORMAL: [], REDUCE: []}
    for node in range(nodes):
        for drawn in cells.values():
            drawn.append(draw(rows, operations * (node + INPUTS)))
    return {kind: tuple(drawn) for kind, drawn in cells.items()}


def _drawer(seed: int, measurement: Measurement) -> Callable[[int, int], Array]:
    if measurement == "legacy":
        public = np.random.RandomState(seed)
        return lambda rows, columns: public.random_sample((rows, columns))
    generator = np.random.default_rng(seed)
    if measurement == "uniform":
        return lambda rows, columns: generator.random((rows, columns))

    def unit_gaussian(rows: int, columns: int) -> Array:
        drawn = generator.standard_normal((rows, columns))
        scaled: Array = drawn / np.linalg.norm(drawn, axis=0)
        return scaled

    return unit_gaussian
