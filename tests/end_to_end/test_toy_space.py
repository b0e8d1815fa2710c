"""A search space is a catalogue record and an engine class: with both outside the packages, everything works."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from runs.home import RunPaths
from tests.end_to_end.conftest import TOY, Cli, commands

OPERATIONS = ("none", "copy", "blur", "mix")
CELL = "ring:mix,copy,none"


PLUGIN = {"NASTUI_PLUGINS": "ring_space", "PYTHONPATH": str(TOY)}


@pytest.fixture
def toy(cli: Cli) -> Cli:
    """Commands that know the toy space."""
    cli.environment |= PLUGIN
    return cli


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunPaths]:
    """A finished search of the toy space by GDAS; tests take copies of it."""
    with commands(tmp_path_factory.mktemp("searched")) as toy:
        toy.environment |= PLUGIN
        words = ("search", "gdas", "--space", "ring", "--preset", "quick", "--set", "threads=1", "--detach")
        run = toy.json(*words)["id"]
        assert toy.wait(run, "finished", "failed", "lost") == "finished"
        yield toy.home.run(run)


@pytest.fixture
def table(toy: Cli) -> Path:
    """A benchmark of all 64 cells, in which later operations are better."""
    cells = itertools.product(OPERATIONS, repeat=3)
    rows = [f'"ring:{",".join(cell)}",{10 + place},{20 + place}' for place, cell in enumerate(cells)]
    file = toy.folder / "rings.csv"
    file.write_text("\n".join(["arch,digits_valid_1,digits_test_5", *rows]) + "\n")
    return file


def test_the_catalogue_lists_it(toy: Cli) -> None:
    assert toy.json("spaces", "ring")["operations"] == list(OPERATIONS)
    gdas = toy.json("methods", "gdas")
    assert gdas["spaces"] == ["darts", "nasbench201", "ring"]
    assert "rings" in {info["name"] for info in gdas["hyperparameters"]["ring"]}
    assert "ring-short" in {preset["name"] for preset in toy.json("presets")}


def test_its_genotypes_are_read_drawn_counted_and_converted(toy: Cli) -> None:
    shown = toy.json("genotype", "show", CELL)
    assert (shown["space"], shown["string"], shown["connected"]) == ("ring", CELL, True)
    assert (shown["parameters"], shown["channels"]) == (302, 4)
    assert "mix" in toy("genotype", "show", CELL).stdout
    written = toy("genotype", "convert", CELL, "--to", "json").stdout
    (toy.folder / "cell.json").write_text(written)
    assert toy("genotype", "convert", "cell.json", "--to", "string").stdout == f"{CELL}\n"
    assert toy("genotype", "convert", CELL, "--to", "python").stdout == f"{CELL!r}\n"
    svg = toy("genotype", "convert", "ring:mix,blur,copy", "--to", "svg").stdout
    colours = [svg.partition(f">{name}<")[0].rpartition('fill="')[2][:7] for name in ("mix", "blur", "copy")]
    assert colours == ["#0072b2", "#d55e00", "#009e73"], "a convolution, a pool and a skip, by its own table"
    assert "not a ring" in toy("genotype", "show", "ring:mix", code=2).stderr


def test_its_genotypes_are_scored_without_training(toy: Cli) -> None:
    words = (
        "genotype",
        "score",
        "ring:mix,copy,mix",
        "--dataset",
        "digits",
        "--repeats",
        1,
        "--set",
        "threads=1",
    )
    scored = toy.json(*words, "--set", "region_samples=50", "--set", "batch_size=4")
    assert scored["space"] == "ring"
    assert 1 < scored["regions"][0] <= 150
    assert math.isfinite(scored["log10_kappa"]["mean"])


def test_a_differentiable_method_searches_it_and_the_trainer_trains_what_it_found(toy: Cli, searched: RunPaths) -> None:
    run = toy.adopt(searched)
    shown = toy.json("runs", "show", run)
    assert shown["genotype"]["space"] == "ring"
    assert set(toy.series(run)[-1]["extras"]["skip_share"]) == {"ring"}
    assert run in {entry["name"] for entry in toy.json("genotype", "list")}
    words = ("--set", "threads=1", "--set", "normalisation=space", "--detach")
    trained = toy.json("retrain", run, *words)["id"]
    toy.wait(trained, "finished")
    shown = toy.json("runs", "show", trained)
    assert (shown["space"], shown["preset"], shown["epoch"]) == ("ring", "ring-short", 2)


def test_a_black_box_method_looks_its_cells_up_in_an_imported_table(toy: Cli, table: Path) -> None:
    words = ("search", "random_search", "--space", "ring", "--preset", "quick", "--set", "threads=1")
    assert "digits_valid_1 and digits_test_5" in toy(*words, code=5).stderr
    assert toy.json("benchmark", "import", table)["architectures"] == 64
    result = toy.json("benchmark", "query", "ring:mix,mix,copy")["results"][1]
    assert (result["value"], result["rank"], result["of"], result["note"]) == (81, 3, 64, "rings of digits")
    run = toy.json(*words, "--seed", 5, "--detach")["id"]
    toy.wait(run, "finished")
    best = toy.json("runs", "show", run)["best"]
    assert best["table_test_accuracy"] == best["search_accuracy"] + 10


def test_a_black_box_method_trains_its_cells(toy: Cli) -> None:
    values = {"evaluator": "training", "queries": 2, "epoch_queries": 1, "training_epochs": 1, "image_limit": 100}
    settings = [word for key, value in (values | {"threads": 1}).items() for word in ("--set", f"{key}={value}")]
    words = ("search", "random_search", "--space", "ring", "--preset", "quick", *settings)
    run = toy.json(*words, "--detach")["id"]
    toy.wait(run, "finished")
    assert len(toy.series(run)) == 2


def test_its_speed_is_measured(toy: Cli) -> None:
    results = toy.json("profile", "retrain", "--preset", "ring-short", "--device", "cpu")
    assert [(result["space"], result["preset"]) for result in results] == [("ring", "ring-short")]


def test_without_its_plug_in_runs_and_tables_of_other_spaces_stay_readable(
    toy: Cli, table: Path, searched: RunPaths
) -> None:
    run = toy.adopt(searched)
    toy("benchmark", "import", table)
    for plugins in ("", "gone_space"):
        toy.environment["NASTUI_PLUGINS"] = plugins
        shown = toy.json("runs", "show", run)
        assert shown["genotype"]["space"] == "ring"
        listed = toy("benchmark", "list")
        assert "the space 'ring' is unknown" in listed.stderr
