"""PR-DARTS's morphisms, how many operations they reach, and the composition of pools."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest

from runs.genotypes.composition import kernel_shares, similarity, type_shares
from runs.genotypes.morphisms import POOLS, SETS, Restrictions, check, levels, morphs, reachable
from tests.vectors import load

VECTORS = load("prdarts/morphs")
# The names of the limits in the vectors.
NAMES = ("k_min", "k_max", "dil_max", "stages_extra_max", "mult_sum_max", "mult_max")
START = POOLS["prdarts4"]


@pytest.mark.parametrize("name", SETS)
class TestSets:
    def test_limits(self, name: str) -> None:
        assert list(asdict(SETS[name]).values()) == [VECTORS["restrictions"][name]["limits"][key] for key in NAMES]

    def test_legal_morphs(self, name: str) -> None:
        for operation, children in VECTORS["restrictions"][name]["morphs"].items():
            assert morphs(operation, SETS[name]) == children
        for operation in (*VECTORS["not_morphable"], "c1x7", "sharp_dil_conv_3x3"):
            assert morphs(operation, SETS[name]) == {}

    def test_levels_and_counts(self, name: str) -> None:
        expected = VECTORS["restrictions"][name]
        complete = name != "unrestricted"
        found = levels([VECTORS["start"]], SETS[name], None if complete else len(expected["levels"]) - 1)
        assert list(map(set, found)) == list(map(set, expected["levels"]))
        for steps, count in enumerate(expected["counts_with_3_fixed_ops"]):
            assert reachable(START, SETS[name], steps) == count


def test_how_far_the_sets_reach() -> None:
    assert {name: (reachable(START, limits, 5), reachable(START, limits)) for name, limits in SETS.items()} == {
        "darts_like": (15, 15),
        "r_depth": (35, 45),
        "unrestricted": (76, None),
    }


def test_convolutions_that_darts_names_may_be_morphed_too() -> None:
    assert morphs("sep_conv_3x3", SETS["darts_like"]) == morphs("c3m1", SETS["darts_like"])


def changed(**limits: int) -> Restrictions:
    return replace(SETS["darts_like"], **limits)


@pytest.mark.parametrize(
    ("limits", "pool", "says"),
    [
        (changed(kernel_min=7, kernel_max=5), START, "kernel_min is 7, but kernel_max is 5"),
        (changed(kernel_max=6), START, "kernel_max is 6, but kernels have odd sides"),
        (changed(kernel_min=0), START, "kernel_min is 0, but kernels have odd sides"),
        (changed(kernel_max=101), START, "kernel_max is 101"),
        (changed(dilation_max=0), START, "dilation_max is 0"),
        (changed(extra_stages_max=-1), START, "extra_stages_max is -1, but must be 0 or more"),
        (changed(kernel_min=5), START, "the initial pool has 'c3', but kernel_min is 5"),
        (changed(kernel_max=3), POOLS["darts"], "the initial pool has 'c5m1', but kernel_max is 3"),
        (changed(dilation_max=1), POOLS["darts"], "the initial pool has 'c3d2', but dilation_max is 1"),
        (changed(extra_stages_max=0), POOLS["darts"], "the initial pool has 'c3m1', but extra_stages_max is 0"),
        (changed(multiplier_sum_max=0), POOLS["darts"], "the initial pool has 'c3m1', but multiplier_sum_max is 0"),
        (changed(multiplier_max=0), POOLS["darts"], "the initial pool has 'c3m1', but multiplier_max is 0"),
        (changed(kernel_max=3, dilation_max=1, extra_stages_max=0), START, "the restrictions leave c3 no morphism"),
        (changed(), ("skip", "max3"), "no convolution to morph"),
    ],
    ids=str,
)
def test_restrictions_that_allow_no_search(limits: Restrictions, pool: tuple[str, ...], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        check(limits, pool)


def test_without_refills_nothing_has_to_be_morphed() -> None:
    check(changed(kernel_max=3, dilation_max=1, extra_stages_max=0), START, adds=False)
    check(changed(), ("skip", "max3"), adds=False)
    for limits in SETS.values():
        for pool in POOLS.values():
            check(limits, pool)


@pytest.mark.parametrize("case", load("prdarts/similarity")["cases"], ids=lambda case: " ".join(case["ops"]))
def test_similarity(case: dict[str, Any]) -> None:
    assert similarity(case["ops"]) == pytest.approx(case["similarity"], abs=5e-6)


def test_shares() -> None:
    pool = ("none", "max3", "skip", "c3", "c3m1.1", "c5d2", "avg3", "c1x7")
    assert type_shares(pool) == {"conv": 0.5, "none": 0.125, "pool": 0.25, "skip": 0.125}
    assert kernel_shares(pool) == {3: 0.25, 5: 0.125}
