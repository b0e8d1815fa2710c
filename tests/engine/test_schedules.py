"""Learning rates, temperatures and drop path per epoch, against independently computed values."""

from __future__ import annotations

from typing import Any

import pytest

from engine import schedules
from tests.vectors import load

VECTORS = load("drnas/schedules")


@pytest.mark.parametrize("case", VECTORS["search"], ids=lambda case: case["name"])
def test_search_rates(case: dict[str, Any]) -> None:
    epochs, warm = sum(case["epochs_per_stage"]), case["lr_warmup_epochs"]
    for epoch, expected in enumerate(case["lr_nominal"]):
        rate = schedules.cosine(case["lr"], case["lr_min"], epoch, epochs)
        assert schedules.warm_up(case["lr"], epoch, warm, rate) == pytest.approx(expected, rel=1e-5)


def test_the_plain_script_ran_at_nominal_rates() -> None:
    """Without a stage switch, no version of the public code left the schedule: nothing to be compatible with."""
    plain = next(case for case in VECTORS["search"] if case["name"] == "nb201_plain")
    assert plain["lr_nominal"] == plain["lr_reference_torch_1_3"] == plain["lr_reference_recent_torch"]


@pytest.mark.parametrize("case", VECTORS["evaluation"], ids=lambda case: case["name"])
def test_evaluation_rates(case: dict[str, Any]) -> None:
    for epoch, expected in enumerate(case["lr_per_epoch"]):
        if "linear" in case["name"]:
            rate = schedules.linear_with_tail(case["lr"], epoch, case["epochs"])
        else:
            rate = schedules.cosine(case["lr"], case.get("lr_min", 0.0), epoch, case["epochs"])
        rate = schedules.warm_up(case["lr"], epoch, case.get("lr_warmup_epochs", 0), rate)
        assert rate == pytest.approx(expected, rel=1e-5)
    for place, expected in enumerate(case.get("drop_path_every_50", [])):
        assert schedules.linear(0, case["drop_path_max"], 50 * place, case["epochs"]) == pytest.approx(expected)


@pytest.mark.parametrize("case", VECTORS["temperature"])
def test_temperature(case: dict[str, Any]) -> None:
    for epoch, expected in enumerate(case["tau_during_epoch"]):
        assert schedules.linear(case["tau_max"], case["tau_min"], epoch, case["epochs"]) == pytest.approx(expected)
    assert schedules.linear(case["tau_max"], case["tau_min"], case["epochs"], case["epochs"]) == case["tau_after_last"]
