"""A plug-in method, one engine file and one catalogue entry outside the packages, works everywhere."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from runs.cost import measurements
from tests.end_to_end.conftest import TOY, Cli, commands
from tests.runs.test_catalogue import install

PLUGIN = {"NASTUI_PLUGINS": "budget_search", "PYTHONPATH": str(TOY)}


@pytest.fixture
def toy(cli: Cli) -> Cli:
    """Commands that know the toy method."""
    cli.environment |= PLUGIN
    return cli


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cli, str]]:
    """A finished search, and commands in its home that know the toy method from an installed package; only read it."""
    with commands(tmp_path_factory.mktemp("searched")) as toy:
        toy.afresh = True
        packages = tmp_path_factory.mktemp("packages")
        install(packages, "budget_search")
        toy.environment |= {"PYTHONPATH": os.pathsep.join([str(packages), str(TOY)])}
        run = start(toy)
        assert toy.wait(run, "finished", "failed", "lost") == "finished"
        yield toy, run


def start(toy: Cli, *words: object) -> str:
    run = toy.json("search", "budget", "--preset", "quick", "--seed", 1, "--set", "threads=1", "--detach", *words)["id"]
    assert isinstance(run, str)
    return run


def test_the_catalogue_lists_it(toy: Cli) -> None:
    assert {entry["name"] for entry in toy.json("methods")} >= {"drnas", "budget"}
    described = {info["name"]: info for info in toy.json("methods", "budget")["hyperparameters"]["nasbench201"]}
    assert described["budget"]["range"] == "above 0 … 2"
    assert "must be a number above 0 … 2" in toy("search", "budget", "--set", "budget=3", code=2).stderr


def test_it_searches_to_its_end(searched: tuple[Cli, str]) -> None:
    toy, run = searched
    shown = toy.json("runs", "show", run)
    assert shown["epoch"] == 5
    assert shown["best"]["budget_error"] < 0.5
    assert abs(shown["parameters"] / 1e6 - 0.8) == pytest.approx(shown["best"]["budget_error"])


def test_killed_and_resumed_it_ends_the_same(toy: Cli, searched: tuple[Cli, str]) -> None:
    others, whole = searched
    run = start(toy, "--set", "patience=0.05", "--set", "checkpoint_seconds=0.1")
    toy.reach_checkpoint(run)
    toy.kill(run)
    toy.wait(run, "lost", seconds=2)
    toy("runs", "resume", run)
    toy.wait(run, "finished")
    assert toy.series(run) == others.series(whole)


def test_a_run_of_a_method_that_is_gone_says_so(cli: Cli, searched: tuple[Cli, str]) -> None:
    others, run = searched
    cli.adopt(others.home.run(run))
    assert cli.status(run) == "finished"
    assert cli.json("runs", "show", run)["method"] == "budget"


def test_its_speed_is_measured(toy: Cli) -> None:
    printed = toy("profile", "budget", "--device", "cpu").stdout
    results = {result.preset: result for result in measurements.read(toy.home)}
    rows = [line.split()[:3] for line in printed.splitlines()[1:]]
    assert rows == [["budget", "nasbench201", preset] for preset in ("paper", "quick")]
    assert results.keys() == {"paper", "quick"}
    for result in results.values():
        assert result.units >= 5
        expected = result.unit_seconds * result.units_per_epoch * result.epochs
        assert result.estimated_seconds == pytest.approx(expected)
