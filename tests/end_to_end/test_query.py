"""Black-box searches from the command line: they need a table and no images, and resume exactly after a kill."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Cli
from tests.tabulated import write_csv


@pytest.fixture
def tabled(cli: Cli, table: Path) -> Cli:
    """Commands in a home with a made-up table for the digits."""
    shutil.copytree(table, cli.home.benchmarks)
    return cli


def start(tabled: Cli, method: str, *words: object) -> str:
    words = ("--preset", "quick", "--dataset", "digits", "--seed", 1, "--set", "threads=1", "--detach", *words)
    return str(tabled.json("search", method, *words)["id"])


def test_without_an_imported_table_it_asks_the_included_one(cli: Cli) -> None:
    run = cli.json("search", "evolution", "--device", "cpu", "--detach")["id"]
    cli.wait(run, "finished")
    assert 90 < cli.json("runs", "show", run)["benchmark"]["cifar10"]["test (200 epochs)"] < 94.374


def test_a_data_set_that_no_table_has_is_refused(cli: Cli) -> None:
    refused = cli("search", "evolution", "--dataset", "digits", "--device", "cpu", code=2)
    assert "has no accuracy of 'digits'" in refused.stderr
    assert cli.json("runs", "list") == []


def test_it_searches_to_its_end_and_asks_for_no_images(cli: Cli) -> None:
    file = write_csv(cli.folder / "table.csv")
    file.write_text(file.read_text().replace("digits_", "cifar10_"))
    cli("benchmark", "import", file)
    run = cli.json("search", "reinforce", "--preset", "quick", "--set", "threads=1", "--detach")["id"]
    cli.wait(run, "finished")
    shown = cli.json("runs", "show", run)
    assert (shown["epoch"], shown["dataset"]) == (10, "cifar10")
    assert shown["metrics"]["queries"] == 50
    assert shown["best"]["search_accuracy"] == pytest.approx(shown["metrics"]["table_test_accuracy"] / 2, abs=1e-3)
    assert shown["benchmark"]["cifar10"]["test (200 epochs)"] == pytest.approx(shown["metrics"]["table_test_accuracy"])
    assert not cli.home.datasets.exists()


def test_killed_and_resumed_it_ends_the_same(tabled: Cli) -> None:
    options = ("--set", "queries=600", "--set", "epoch_queries=5")
    whole = start(tabled, "evolution", *options)
    tabled.wait(whole, "finished")
    run = start(tabled, "evolution", *options)
    tabled.reach_checkpoint(run)
    tabled.kill(run)
    tabled.wait(run, "lost", seconds=5)
    tabled("runs", "resume", run)
    tabled.wait(run, "finished")
    assert tabled.series(run) == tabled.series(whole)
