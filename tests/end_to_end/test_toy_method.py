"""A plug-in method, one engine file and one catalogue entry outside the packages, works everywhere."""

from __future__ import annotations

import pytest

from tests.end_to_end.conftest import TOY, Cli


@pytest.fixture
def toy(cli: Cli) -> Cli:
    """Commands that know the toy method."""
    cli.environment |= {"NASTUI_PLUGINS": "budget_search", "PYTHONPATH": str(TOY)}
    return cli


def start(toy: Cli, *words: object) -> str:
    run = toy.json("search", "budget", "--preset", "quick", "--seed", 1, "--detach", *words)["id"]
    assert isinstance(run, str)
    return run


def test_the_catalogue_lists_it(toy: Cli) -> None:
    assert {entry["name"] for entry in toy.json("methods")} >= {"drnas", "budget"}
    described = {info["name"]: info for info in toy.json("methods", "budget")["hyperparameters"]["nasbench201"]}
    assert described["budget"]["range"] == "above 0 … 2"
    assert "must be a number above 0 … 2" in toy("search", "budget", "--set", "budget=3", code=2).stderr


def test_it_searches_to_its_end(toy: Cli) -> None:
    run = start(toy)
    toy.wait(run, "finished")
    shown = toy.json("runs", "show", run)
    assert shown["epoch"] == 5
    assert shown["best"]["budget_error"] < 0.5
    assert abs(shown["parameters"] / 1e6 - 0.8) == pytest.approx(shown["best"]["budget_error"])


def test_killed_and_resumed_it_ends_the_same(toy: Cli) -> None:
    whole = start(toy, "--set", "patience=0.05", "--set", "checkpoint_seconds=0.1")
    toy.wait(whole, "finished")
    run = start(toy, "--set", "patience=0.05", "--set", "checkpoint_seconds=0.1")
    toy.reach_checkpoint(run)
    toy.kill(run)
    toy.wait(run, "lost", seconds=2)
    toy("runs", "resume", run)
    toy.wait(run, "finished")
    assert toy.series(run) == toy.series(whole)


def test_a_run_of_a_method_that_is_gone_says_so(toy: Cli) -> None:
    run = start(toy)
    toy.wait(run, "finished")
    del toy.environment["NASTUI_PLUGINS"]
    assert toy.status(run) == "finished"
    assert toy.json("runs", "show", run)["method"] == "budget"


def test_its_speed_is_measured(toy: Cli) -> None:
    results = toy.json("bench", "budget", "--device", "cpu")
    assert [result["preset"] for result in results] == ["paper", "quick"]
    for result in results:
        assert result["units"] >= 5
        expected = result["unit_seconds"] * result["units_per_epoch"] * result["epochs"]
        assert result["estimated_seconds"] == pytest.approx(expected)
    assert "budget" in toy("bench", "budget", "--preset", "quick", "--device", "cpu").stdout
