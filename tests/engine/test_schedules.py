"""Learning rates, temperatures and drop path per epoch, against independently computed values."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from engine.architecture.relaxations.gumbel_softmax import GumbelSoftmax
from engine.architecture.relaxations.sampled import SampledRelaxation
from engine.architecture.relaxations.straight_through import StraightThrough
from engine.core import schedules
from engine.search import learning_rates
from tests.vectors import load

VECTORS = load("drnas/schedules")
BASELINES = {case["name"]: case for case in load("baselines/schedules")["cases"]}


@pytest.mark.parametrize("case", VECTORS["search"], ids=lambda case: case["name"])
def test_search_rates(case: dict[str, Any]) -> None:
    epochs, warm = sum(case["epochs_per_stage"]), case["lr_warmup_epochs"]
    for epoch, expected in enumerate(case["lr_nominal"]):
        rate = schedules.cosine(case["lr"], case["lr_min"], epoch, epochs)
        assert schedules.warm_up(case["lr"], epoch, warm, rate) == pytest.approx(expected, rel=1e-5)


def test_ista_search_rates() -> None:
    """Both forms of ISTA-NAS; the public code advances the two-stage schedule before an epoch.

    See docs/methods/ista.md, "The schedule is shifted by one epoch".
    """
    vectors = load("ista/schedules")
    for case in (vectors["two_stage_search"], vectors["cifar_retrain"], vectors["one_stage_fixed_phase"]):
        given = (case["lr0"], case["eta_min"])
        for place, epoch in enumerate(case["epochs"]):
            rate = schedules.cosine(*given, epoch, case["T"])
            assert rate == pytest.approx(case["intended"][place], rel=1e-9)
            if "public_code_on_torch_1_1_or_later" in case:
                rate = learning_rates.shifted(*given, epoch, case["T"])
                assert rate == pytest.approx(case["public_code_on_torch_1_1_or_later"][place], rel=1e-9, abs=1e-15)
    case = vectors["imagenet_linear_warmup"]
    for place, epoch in enumerate(case["epochs"]):
        rate = schedules.linear_with_tail(case["lr0"], epoch, case["T"])
        assert rate == pytest.approx(case["batch_le_256"][place], rel=1e-9)
    for drop in vectors["drop_path"]:
        assert schedules.linear(0, drop["prob"], drop["epoch"], drop["epochs"]) == pytest.approx(drop["value"])


def test_the_plain_script_ran_at_nominal_rates() -> None:
    """Without stages, every version of the public code used the nominal schedule, so no compatibility is needed."""
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


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("darts_search", partial(schedules.cosine, 0.025, 0.001)),
        ("pcdarts_search_cifar", partial(schedules.cosine, 0.1, 0.0)),
        ("snas_search", partial(schedules.cosine, 0.025, 0.001)),
        ("snas_temperature_nominal", partial(schedules.linear, 1.0, 0.03)),
        ("gdas_search_nb201", partial(schedules.cosine, 0.025, 0.001)),
        ("cosine_power_cifar_2000", partial(schedules.power_cosine, 0.025, 1e-8, power=2, warm=5)),
        ("cosine_power_search_120", partial(schedules.power_cosine, 0.025, 1e-4, power=2, warm=5)),
        ("cosine_power_imagenet_300_p10", partial(schedules.power_cosine, 0.1, 7.5e-4, power=10)),
    ],
)
def test_rates_and_temperatures_of_the_baselines(name: str, rule: Callable[[int, int], float]) -> None:
    for epoch, expected in BASELINES[name]["values"]:
        assert rule(epoch, BASELINES[name]["length"]) == pytest.approx(expected, rel=1e-8, abs=1e-12)


def test_the_warm_up_of_pcdarts_on_imagenet() -> None:
    for epoch, expected in BASELINES["pcdarts_search_imagenet"]["values"]:
        rate = schedules.warm_up(0.5, epoch, 5, schedules.cosine(0.5, 0.0, epoch, 50))
        assert rate == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize(
    ("name", "relaxation"),
    [
        ("gdas_tau_nb201", StraightThrough(10.0, 0.1, reached=True)),
        ("snas_temperature_nominal", GumbelSoftmax(1.0, 0.03)),
    ],
)
def test_temperatures_of_draws(name: str, relaxation: SampledRelaxation) -> None:
    for epoch, expected in BASELINES[name]["values"]:
        relaxation.begin_epoch(epoch, BASELINES[name]["length"])
        assert relaxation.temperature == pytest.approx(expected, rel=1e-8)


def test_power_1_is_the_cosine() -> None:
    """Except for the first value, which the power schedule raises to the maximum."""
    rates = [schedules.power_cosine(1.0, 0.0, epoch, 1000, power=1) for epoch in range(1000)]
    cosines = [schedules.cosine(1.0, 0.0, epoch + 1, 1000) for epoch in range(1000)]
    assert rates == pytest.approx(cosines, abs=1e-5)
    assert (rates[0], rates[-1]) == (1.0, 0.0)
