"""`nastui import`, typed: the run is listed, shown, exported, and its cell can be named."""

from __future__ import annotations

import csv
import os
import pickle
import shlex
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.rebuild import rebuild
from runs.catalogue import library
from tests import public_logs
from tests.end_to_end.conftest import Cli
from tests.engine.public_networks import DartsNetwork, shuffled, wrapped


def test_a_log_becomes_a_run(cli: Cli) -> None:
    (cli.folder / "log.txt").write_text(public_logs.text(public_logs.drnas()))
    done = cli("import", "log.txt", "--as", "drnas", "--name", "from the authors", "--tag", "public")
    assert done.stdout == ""
    assert "5 epochs, 5 of them with weights, and a genotype" in done.stderr
    (run,) = cli.json("runs", "list", "kind:imported", "tag:public")
    assert (run["kind"], run["method"], run["status"], run["epoch"]) == ("imported", "drnas", "finished", 5)
    shown = cli("runs", "show", run["id"]).stdout
    assert "imported from  log.txt" in shown and "k=6" in shown and "save=" not in shown
    assert "nastui import" in shown
    cli("runs", "follow", run["id"])
    assert "imported from log.txt as drnas" in cli("runs", "events", run["id"]).stdout
    assert cli.json("genotype", "show", run["id"])["recipe"] == "drnas-cifar"
    cli("runs", "export", run["id"], "--to", "files")
    with (cli.folder / "files" / "architecture.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 5 * 2 * 14 * 8
    for options in ((), ("--previous-checkpoint",)):
        refused = cli("runs", "resume", run["id"], *options, code=2).stderr
        assert "was imported from 'log.txt', so there is nothing to resume" in refused


def test_json_has_the_run_and_the_remarks(cli: Cli) -> None:
    (cli.folder / "log.txt").write_text(public_logs.text(public_logs.ista()))
    made = cli.json("import", "log.txt", "--as", "ista", "--dataset", "cifar100")
    assert (made["kind"], made["dataset"], made["remarks"]) == (
        "imported",
        "cifar100",
        ["The file does not name the seed: 0 is noted."],
    )


def test_a_data_set_that_does_not_exist_is_refused_and_nothing_is_created(cli: Cli) -> None:
    (cli.folder / "log.txt").write_text(public_logs.text(public_logs.ista()))
    refused = cli("import", "log.txt", "--as", "ista", "--dataset", "cifar1O", code=2).stderr
    assert "Unknown data set 'cifar1O'. Did you mean 'cifar10'?" in refused
    assert cli.json("runs", "list") == []


def test_a_file_name_that_is_not_text_is_shown_as_such(cli: Cli) -> None:
    name = os.fsdecode(b"bad\xff\x1b[31m.txt")
    (cli.folder / name).write_text(public_logs.text(public_logs.drnas()))
    cli("import", name, "--as", "drnas")
    (run,) = cli.json("runs", "list")
    assert run["origin"] == "bad?\x1b[31m.txt"
    assert "\x1b" not in cli("runs", "show", run["id"]).stdout


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("nothing.txt", "--as", "drnas"), 3, "nothing.txt' cannot be read"),
        (("other.txt", "--as", "drnas"), 2, "has no epoch and no genotype in the form of xiangning-chen/DrNAS"),
        (("other.txt", "--as", "drns"), 2, "Unknown format 'drns'. Did you mean 'drnas'?"),
        ((".", "--as", "drnas"), 2, "is a folder"),
        (("other.txt", "--as", "drnas", "--name", "x" * 81), 2, "at most 80 characters"),
    ],
)
def test_what_cannot_be_imported_creates_nothing(cli: Cli, words: tuple[str, ...], code: int, why: str) -> None:
    (cli.folder / "other.txt").write_text("some text\n")
    assert why in cli("import", *words, code=code).stderr
    assert cli.json("runs", "list") == []


def test_code_in_a_file_never_runs(cli: Cli) -> None:
    (cli.folder / "bomb.pt").write_bytes(pickle.dumps({"alpha": Bomb(cli.folder / "exploded")}, protocol=2))
    refused = cli("import", "bomb.pt", "--as", "darts", code=2, starts=True).stderr
    assert "It was not opened" in refused and len(refused.splitlines()) == 1
    assert not (cli.folder / "exploded").exists()
    assert cli.json("runs", "list") == []


class Bomb:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


def test_weights_are_found_to_be_a_network_that_can_be_tested_and_rebuilt(cli: Cli) -> None:
    genotype = library.get("PDARTS").genotype
    public = shuffled(DartsNetwork(genotype, channels=4, layers=3, classes=10, auxiliary=False))
    torch.save(wrapped(public.state_dict()), cli.folder / "weights.pt")
    done = cli("import", "weights.pt", "--as", "pdarts", "--dataset", "digits").stderr
    assert "The weights fit the cell 'PDARTS' of the library" in done
    (run,) = cli.json("runs", "list")
    assert (run["kind"], run["method"], run["dataset"]) == ("imported", "retrain", "digits")
    assert f"a network of {run['parameters']:,} parameters" in done
    assert "4 channels, 3 cells" in run["network"]
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(rebuild(run["path"])(images), public(images), atol=1e-4)

    # The command that it names tests the weights on the data set.
    command = shlex.split(done.partition("To test its weights: nastui ")[2])
    cli(*command, "--set", "image_limit=200", "--set", "threads=1", "--set", "normalisation=dataset")
    tested = cli.json("runs", "show", "latest")
    assert (tested["kind"], tested["status"], tested["epochs"]) == ("retrain", "finished", 1)
    assert tested["parameters"] == run["parameters"]
