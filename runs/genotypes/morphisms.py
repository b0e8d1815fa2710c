"""PR-DARTS's morphisms: which operation may become which, and how many a search can reach.

See docs/methods/prdarts.md, "Morphisms" and "Operations discovered and reachable".

Only depthwise-separable convolutions with one dilation can be morphed. No morphism removes or narrows a stage, so depth
and width only grow. Kernel and dilation can change in both directions.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from runs.genotypes.morphable import compact
from runs.genotypes.operations import Separable, operation

MORPHISMS = ("k+", "k-", "d+", "d-", "insert", "widen")
# Counting ends beyond this number of operations; a search meets a few dozen.
COUNTED = 5000
# The largest number that an operation name can express.
_LARGEST = 99


@dataclass(frozen=True, slots=True)
class Restrictions:
    """The limits of morphisms.

    Attributes:
        kernel_min, kernel_max: smallest and largest side of a kernel, odd.
        dilation_max: largest dilation.
        extra_stages_max: most stages beyond the first, which is also the largest number of multipliers.
        multiplier_sum_max: once the multipliers sum to this, none is added or raised any more.
        multiplier_max: the largest multiplier.
    """

    kernel_min: int
    kernel_max: int
    dilation_max: int
    extra_stages_max: int
    multiplier_sum_max: int
    multiplier_max: int


SETS = {
    "darts_like": Restrictions(3, 7, 2, 1, 1, 1),
    "r_depth": Restrictions(1, 7, 2, 1, 5, 5),
    "unrestricted": Restrictions(1, 7, 2, 999, 999, 999),
}
# The operations of every edge at the start of a search.
POOLS = {
    "prdarts4": ("max3", "avg3", "skip", "c3"),
    "prdarts5": ("none", "max3", "avg3", "skip", "c3"),
    "darts": ("none", "max3", "avg3", "skip", "c3m1", "c5m1", "c3d2", "c5d2"),
}


def is_morphable(name: str) -> bool:
    """Return whether an operation can be morphed, regardless of the restrictions."""
    of = operation(name)
    return isinstance(of, Separable) and of.choke is None and len(set(of.dilations)) == 1


@functools.lru_cache(maxsize=4 * COUNTED)
def _morphs(name: str, limits: Restrictions) -> tuple[tuple[str, str], ...]:
    if not is_morphable(name):
        return ()
    of = operation(name)
    assert isinstance(of, Separable)
    kernel, dilation, multipliers = of.kernel, of.dilations[0], of.multipliers
    children: dict[str, Separable] = {}
    if kernel + 2 <= limits.kernel_max:
        children["k+"] = replace(of, kernel=kernel + 2)
    # A kernel of side 1 cannot be dilated.
    if kernel - 2 >= limits.kernel_min and not (kernel - 2 == 1 and dilation > 1):
        children["k-"] = replace(of, kernel=kernel - 2)
    if kernel > 1 and dilation < limits.dilation_max:
        children["d+"] = replace(of, dilations=(dilation + 1,) * len(of.dilations))
    if dilation > 1:
        children["d-"] = replace(of, dilations=(dilation - 1,) * len(of.dilations))
    if sum(multipliers) < limits.multiplier_sum_max:
        if len(multipliers) < limits.extra_stages_max:
            children["insert"] = replace(of, dilations=(*of.dilations, dilation), multipliers=(*multipliers, 1))
        if multipliers and (smallest := min(multipliers)) < limits.multiplier_max:
            first = multipliers.index(smallest)
            wider = (*multipliers[:first], smallest + 1, *multipliers[first + 1 :])
            children["widen"] = replace(of, multipliers=wider)
    return tuple((kind, compact(child)) for kind, child in children.items())


def morphs(name: str, limits: Restrictions) -> dict[str, str]:
    """Return the legal morphisms of an operation, each with the resulting operation; empty if it cannot be morphed.

    Raises:
        UsageError: unknown name of an operation.
    """
    return dict(_morphs(name, limits))


def levels(pool: Iterable[str], limits: Restrictions, steps: int | None = None) -> list[list[str]]:
    """Return operations by their number of morphisms from the nearest one of a pool; the pool is the first level.

    Args:
        pool: the operations to start from.
        limits: the limits of morphisms.
        steps: the most morphisms; None for no limit. Ends early beyond ``COUNTED`` operations.
    """
    found = [list(dict.fromkeys(pool))]
    seen = set(found[0])
    while found[-1] and (steps is None or len(found) <= steps) and len(seen) <= COUNTED:
        children = (child for name in found[-1] for child in morphs(name, limits).values())
        found.append([child for child in dict.fromkeys(children) if child not in seen])
        seen.update(found[-1])
    return found if found[-1] else found[:-1]


@functools.lru_cache
def reachable(pool: tuple[str, ...], limits: Restrictions, steps: int | None = None) -> int | None:
    """Return how many operations can be reached from a pool, itself included; None if there is no practical bound.

    Args:
        pool: the operations to start from.
        limits: the limits of morphisms.
        steps: the most morphisms, one per stage that refills; None for no limit.
    """
    count = sum(map(len, levels(pool, limits, steps)))
    return count if count <= COUNTED else None


def check(limits: Restrictions, pool: Sequence[str], *, adds: bool = True) -> None:
    """Check that a search can start with a pool under restrictions.

    Args:
        limits: the restrictions.
        pool: operations of every edge at the start.
        adds: whether any stage refills.

    Raises:
        ValueError: it cannot; the message names the restriction, or the operation.
    """
    for name, bound in (("kernel_min", limits.kernel_min), ("kernel_max", limits.kernel_max)):
        if bound < 1 or bound % 2 == 0 or bound > _LARGEST:
            raise ValueError(f"{name} is {bound}, but kernels have odd sides of 1 to {_LARGEST}")
    if limits.kernel_min > limits.kernel_max:
        raise ValueError(f"kernel_min is {limits.kernel_min}, but kernel_max is {limits.kernel_max}: no kernel is left")
    if not 1 <= limits.dilation_max <= _LARGEST:
        raise ValueError(f"dilation_max is {limits.dilation_max}, but dilations go from 1 to {_LARGEST}")
    for name in ("extra_stages_max", "multiplier_sum_max", "multiplier_max"):
        if (bound := getattr(limits, name)) < 0:
            raise ValueError(f"{name} is {bound}, but must be 0 or more")
    convolutions = [name for name in pool if is_morphable(name)]
    for name in convolutions:
        if fault := _fault(name, limits):
            raise ValueError(f"the initial pool has '{name}', but {fault}")
    if not adds:
        return
    if not convolutions:
        raise ValueError("a stage adds operations, but the initial pool has no convolution to morph")
    if not any(morphs(name, limits) for name in convolutions):
        raise ValueError(
            f"a stage adds operations, but the restrictions leave {', '.join(convolutions)} no morphism: "
            "raise kernel_max, dilation_max or extra_stages_max"
        )


def _fault(name: str, limits: Restrictions) -> str:
    """Return why restrictions forbid an operation; empty if they allow it."""
    of = operation(name)
    assert isinstance(of, Separable)
    if of.kernel < limits.kernel_min:
        return f"kernel_min is {limits.kernel_min}"
    if of.kernel > limits.kernel_max:
        return f"kernel_max is {limits.kernel_max}"
    if of.dilations[0] > limits.dilation_max:
        return f"dilation_max is {limits.dilation_max}"
    if len(of.multipliers) > limits.extra_stages_max:
        return f"extra_stages_max is {limits.extra_stages_max}"
    if sum(of.multipliers) > limits.multiplier_sum_max:
        return f"multiplier_sum_max is {limits.multiplier_sum_max}"
    if max(of.multipliers, default=0) > limits.multiplier_max:
        return f"multiplier_max is {limits.multiplier_max}"
    return ""
