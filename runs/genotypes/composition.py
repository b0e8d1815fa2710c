"""The composition of an edge's pool of operations, as statistics.

See docs/methods/prdarts.md, "Similarity and composition of a pool".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runs.genotypes.kinds import OperationKind, kind
from runs.genotypes.morphable import settings
from runs.genotypes.operations import Separable, operation

# The names of the kinds in events.
TYPES = {
    OperationKind.CONVOLUTION: "conv",
    OperationKind.NONE: "none",
    OperationKind.POOL: "pool",
    OperationKind.SKIP: "skip",
}


def similarity(names: Sequence[str]) -> float:
    """Return how similar the operations of a pool are: the mean over all ordered pairs, including equal operations.

    Two operations of different kinds score 0. Otherwise their score is the mean of 1 and a score for each setting.

    Args:
        names: at least one operation.

    Raises:
        UsageError: an operation has no name in the language of PR-DARTS.
    """
    described = [settings(operation(name)) for name in names]
    return sum(_alike(one, other) for one in described for other in described) / len(names) ** 2


def type_shares(names: Sequence[str]) -> dict[str, float]:
    """Return the share of each kind of operation in one pool, or in the pools of many edges.

    Raises:
        UsageError: unknown name of an operation.
    """
    found = [kind(operation(name)) for name in names]
    return {name: found.count(of) / len(names) for of, name in TYPES.items()}


def kernel_shares(names: Sequence[str]) -> dict[int, float]:
    """Return, by ascending kernel size, the share of separable convolutions of that size in a pool."""
    kernels = [of.kernel for of in map(operation, names) if isinstance(of, Separable)]
    return {kernel: kernels.count(kernel) / len(names) for kernel in sorted(set(kernels))}


def _alike(one: tuple[str, dict[str, Any]], other: tuple[str, dict[str, Any]]) -> float:
    (type_, named), (other_type, others) = one, other
    if type_ != other_type:
        return 0.0
    return (1 + sum(_agreement(value, others[key]) for key, value in named.items())) / (1 + len(named))


def _agreement(one: object, other: object) -> float:
    """Return 1 for equal settings and 0 for others; for lists, the mean over their lengths and their common entries."""
    if not (isinstance(one, list) and isinstance(other, list)):
        return float(one == other)
    scores: list[bool] = [len(one) == len(other), *(mine == theirs for mine, theirs in zip(one, other, strict=False))]
    return sum(scores) / len(scores)
