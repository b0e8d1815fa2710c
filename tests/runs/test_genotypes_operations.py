"""The operation language of PR-DARTS: names, labels, and the settings that it stores."""

from __future__ import annotations

from typing import Any

import pytest

from runs.errors import UsageError
from runs.genotypes import morphable
from runs.genotypes.operations import operation
from tests.vectors import load

VECTORS = load("prdarts/ops")


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: str(case["op"]))
def test_names_settings_and_labels(case: dict[str, Any]) -> None:
    of = operation(case["op"])
    assert morphable.compact(of) == case["op"]
    kind, settings = morphable.settings(of)
    assert (kind, settings) == (case["kind"], case["kwargs"])
    # The key by which PR-DARTS sorts and compares.
    assert f"{kind}{list(settings.items())}" == case["canonical"]
    assert morphable.label(of) == case["label"]
    assert morphable.from_settings(case["kind"], case["kwargs"]) == case["op"]


@pytest.mark.parametrize("name", VECTORS["invalid"])
def test_names_that_stand_for_nothing(name: str) -> None:
    with pytest.raises(UsageError, match="Unknown operation"):
        operation(name)


@pytest.mark.parametrize(("name", "alias"), VECTORS["darts_alias"].items())
def test_names_of_darts(name: str, alias: str) -> None:
    assert morphable.compact(operation(name)) == alias


def test_initial_pools_are_operations() -> None:
    for pool in VECTORS["initial_pools"].values():
        for name in pool:
            operation(name)


@pytest.mark.parametrize("name", ["conv_3x3", "conv_3x1_1x3", "choke_conv_3x3", "sharp_dil_conv_3x3"])
def test_operations_that_the_language_has_no_name_for(name: str) -> None:
    with pytest.raises(UsageError, match="no name for"):
        morphable.compact(operation(name))


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("none", {"k": 3}),
        ("pool", {"k": 4, "type_": "max"}),
        ("pool", {"k": 3}),
        ("conv", {"c_mul": [0], "dil": 1, "k": 3}),
        ("conv", {"c_mul": 2, "dil": 1, "k": 3}),
        ("conv", {"c_mul": [], "dil": 0, "k": 3}),
        ("conv", {"c_mul": [], "dil": 1, "k": 3, "stride": 2}),
        ("gonv", {}),
    ],
)
def test_settings_that_describe_nothing(kind: str, settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        morphable.from_settings(kind, settings)
