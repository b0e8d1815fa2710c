"""From the architecture parameters that a public repository saves to weights and cells, by the rules of its paper."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from runs.errors import UsageError
from runs.genotypes import darts, derive, nasbench201
from runs.genotypes.genotype import NONE, Genotype
from runs.imports.findings import Findings, FoundEpoch, FoundWeights, Matrix
from runs.imports.formats import tenas
from runs.imports.formats.darts import WITHOUT_NONE
from runs.imports.formats.parser import equal_weights, masked

# What pruned parameters are set to: exactly 0, or far below all others.
_DRNAS_PRUNED, _TENAS_PRUNED = -1e5, -999.0
# By the number of edges and of operations.
_ORDERS = {
    (14, 8): darts.TOPOLOGY.operations,
    (14, 7): WITHOUT_NONE,
    (6, 5): nasbench201.TOPOLOGY.operations,
}


@dataclass(frozen=True)
class Parameters:
    """The architecture parameters of a file.

    Attributes:
        steps: a list for each epoch, the oldest first: the matrix of each kind of cell.
        betas: of the last step, for each kind of cell the parameters of its edges; empty without them.
        epoch: after which they were saved, if the file says so.
    """

    steps: Sequence[Sequence[Matrix]]
    betas: Sequence[Sequence[float]] = field(default_factory=list)
    epoch: int | None = None


Weigh = Callable[[Matrix, tuple[str, ...]], FoundWeights]


def findings(method: str, parameters: Parameters) -> Findings:
    """Return what architecture parameters say of a search.

    Args:
        method: the name of the format.
        parameters: as saved.

    Raises:
        UsageError: they are of no known space, or the format's cells do not follow from them.
    """
    if method not in _RULES:
        raise UsageError(f"No cell follows from alphas of '{method}': {_WITHOUT[method]}.", "Import its log.")
    weigh, steps = _RULES[method], parameters.steps
    if method == "tenas" and len(steps) > 1:
        steps = steps[1:]  # its history begins with the state before the first round
    first = steps[0][0]
    shape = (len(first), len(first[0]))
    operations = tenas.OPERATIONS.get(len(first)) if method == "tenas" else _ORDERS.get(shape)
    if operations is None or len(operations) != shape[1]:
        known = ", ".join(f"{edges} x {columns}" for edges, columns in _ORDERS)
        raise UsageError(f"The alphas have {shape[0]} rows of {shape[1]} columns.", f"Known are {known}.")
    topology = darts.TOPOLOGY if len(first) == len(darts.TOPOLOGY.edges) else nasbench201.TOPOLOGY
    found = Findings(method=method, space=topology.space)
    for number, step in enumerate(steps, start=1):
        if len(step) != len(topology.cells) or any(
            [len(row) for row in rows] != [shape[1]] * shape[0] for rows in step
        ):
            kinds = " and ".join(topology.cells)
            raise UsageError(f"Epoch {number} of the alphas lacks a matrix of {shape[0]} x {shape[1]} for {kinds}.")
        if not all(math.isfinite(value) for rows in step for row in rows for value in row):
            raise UsageError(
                f"Epoch {number} of the alphas has values that are not finite.", "The search has diverged."
            )
        epoch = FoundEpoch(
            weights={kind: weigh(rows, operations) for kind, rows in zip(topology.cells, step, strict=True)}
        )
        found.epochs.append(epoch)
        is_last = number == len(steps)
        epoch.genotype = _genotype(method, epoch, topology.cells, step, parameters.betas if is_last else ())
    found.genotype = found.epochs[-1].genotype
    if parameters.epoch is not None:
        found.remarks.append(f"The alphas are those after epoch {parameters.epoch}; no earlier ones are here.")
    return found


def _genotype(
    method: str, epoch: FoundEpoch, kinds: Sequence[str], step: Sequence[Matrix], betas: Sequence[Sequence[float]]
) -> Genotype | None:
    weights = [epoch.weights[kind] for kind in kinds]
    if method == "tenas" and any(sum(map(bool, row)) > 1 for found in weights for row in found.weights):
        return None  # not pruned to single operations yet
    if len(kinds) == 1:
        return nasbench201.genotype(derive.best(weights[0].weights))
    cells = []
    for place, (kind, found) in enumerate(zip(kinds, weights, strict=True)):
        # Edges are ranked by the softmax, also where the mean of a Dirichlet distribution is shown.
        scores = found.weights if method == "tenas" else derive.softmax(step[place], _kept(found))
        if betas:
            edges = derive.edge_weights(betas[place])
            scores = derive.scaled(scores, edges)
            epoch.extras.setdefault("edge_weight", {})[kind] = edges
        # Where `none` is a column of DrNAS, it competes.
        competes = method == "drnas" and NONE in found.operations
        cells.append(derive.two_a_node(scores, found.operations, none_competes=competes))
    normal, reduce = cells
    return darts.genotype(normal, reduce)


def _kept(weights: FoundWeights) -> list[list[int]] | None:
    if weights.alive is None:
        return None
    return [[column for column, there in enumerate(row) if there] for row in weights.alive]


def _softmax(rows: Matrix, operations: tuple[str, ...]) -> FoundWeights:
    return FoundWeights(operations, derive.softmax(rows))


def _dirichlet(rows: Matrix, operations: tuple[str, ...]) -> FoundWeights:
    """Return the means and concentrations of DrNAS: alphas that have been pruned are exactly 0, or far below."""
    alive = [[value != 0 and value > _DRNAS_PRUNED for value in row] for row in rows]
    alive = [row if any(row) else [True] * len(row) for row in alive]
    kept = [[column for column, there in enumerate(row) if there] for row in alive]
    means = derive.dirichlet_mean(rows, kept)
    concentration = [
        [
            (value + 1 if value > 0 else math.exp(value)) if there else 0.0
            for value, there in zip(row, flags, strict=True)
        ]
        for row, flags in zip(rows, alive, strict=True)
    ]
    return FoundWeights(operations, masked(means, alive), alive, {"concentration": concentration})


def _concentration(alpha: float) -> float:
    """Return elu(alpha) + 1; see docs/methods/drnas.md, "Concentration"."""
    return alpha + 1 if alpha > 0 else math.exp(alpha)


def _remaining(rows: Matrix, operations: tuple[str, ...]) -> FoundWeights:
    return equal_weights(operations, [[value > _TENAS_PRUNED for value in row] for row in rows])


_RULES: dict[str, Weigh] = {
    "darts": _softmax,
    "pcdarts": _softmax,
    "pdarts": _softmax,
    "nasbench201": _softmax,
    "drnas": _dirichlet,
    "tenas": _remaining,
}
_WITHOUT = {
    "ista": "its codes mean nothing without the random matrices, which are not saved",
    "prdarts": "its columns are the pools of operations, which are not saved",
}
