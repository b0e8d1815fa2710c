"""What the pool of an edge is made of, in a few figures (prdarts.md 12)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runs.genotypes.morphable import settings
from runs.genotypes.operations import Separable, operation

TYPES = ("conv", "none", "pool", "skip")


def similarity(names: Sequence[str]) -> float:
    """Return how alike the operations of a pool are: the mean over all ordered pairs, an operation and itself included.

    Two operations score 0 where their kinds differ, else the mean of 1 and a score for each setting.

    Args:
        names: one operation at least.

    Raises:
        UsageError: the language of PR-DARTS has no name for one of them.
    """
    described = [settings(operation(name)) for name in names]
    return sum(_alike(one, other) for one in described for other in described) / len(names) ** 2


def type_shares(names: Sequence[str]) -> dict[str, float]:
    """Return which share of a pool, or of the pools of many edges, is of each type.

    Raises:
        UsageError: the language of PR-DARTS has no name for one of them.
    """
    types = [settings(operation(name))[0].partition("_")[0] for name in names]
    return {type_: types.count(type_) / len(names) for type_ in TYPES}


def kernel_shares(names: Sequence[str]) -> dict[int, float]:
    """Return which share of a pool are separable convolutions of each side of a kernel that occurs, ascending."""
    kernels = [of.kernel for of in map(operation, names) if isinstance(of, Separable)]
    return {kernel: kernels.count(kernel) / len(names) for kernel in sorted(set(kernels))}


def _alike(one: tuple[str, dict[str, Any]], other: tuple[str, dict[str, Any]]) -> float:
    (kind, named), (other_kind, others) = one, other
    if kind != other_kind:
        return 0.0
    return (1 + sum(_agreement(value, others[key]) for key, value in named.items())) / (1 + len(named))


def _agreement(one: object, other: object) -> float:
    """Return 1 for equal settings and 0 for others; lists agree by their lengths and by every place they share."""
    if not (isinstance(one, list) and isinstance(other, list)):
        return float(one == other)
    scores: list[bool] = [len(one) == len(other), *(mine == theirs for mine, theirs in zip(one, other, strict=False))]
    return sum(scores) / len(scores)
