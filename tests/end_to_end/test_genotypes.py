"""`nastui genotype`: list, draw, count and convert cells; no typed text is evaluated as code."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from runs.catalogue import library
from runs.catalogue.genotype_text import parse_text
from runs.log import history
from tests.end_to_end.conftest import Cli
from tests.synthetic import make_run

# What `nastui genotype show --json` promises.
KEYS = (
    "name space genotype parameters auxiliary_parameters macs macs_counter channels layers classes stem size norms "
    "macs_with_norms string connected figures"
)


def test_show_counts_as_the_paper_does(cli: Cli) -> None:
    shown = cli.json("genotype", "show", "DrNAS_cifar10", "--channels", 36, "--layers", 20)
    assert shown["parameters"] == 4_099_294
    assert shown["auxiliary_parameters"] == 476_426
    assert set(KEYS.split()) <= shown.keys()
    assert parse_text(json.dumps(shown["genotype"])) == parse_text(shown["string"])
    assert shown["figures"][0]["value"] == 2.46


def test_show_at_other_sizes(cli: Cli) -> None:
    imagenet = cli.json("genotype", "show", "drnas-imagenet")
    assert (imagenet["parameters"], imagenet["size"], imagenet["classes"]) == (5_726_368, 224, 1000)
    cifar = cli.json("genotype", "show", "DrNAS_imagenet", "--stem", "cifar")
    assert (cifar["parameters"], cifar["channels"], cifar["layers"]) == (4_048_750, 36, 20)
    plain, bn = (cli.json("genotype", "show", "ISTA_twostage", "--norms", norms) for norms in ("plain", "all"))
    assert (plain["parameters"], bn["parameters"]) == (3_316_726, 3_323_638)
    small = cli.json("genotype", "show", "DrNAS_cifar10", "--channels", 16, "--layers", 8)
    assert (small["parameters"], small["macs"]) == (360_410, 58_690_048)
    heads = [cli.json("genotype", "show", "DARTS", "--stem", "imagenet", *more) for more in ([], ["--auxiliary-norm"])]
    assert [head["auxiliary_parameters"] for head in heads] == [1_260_776, 1_262_312]


def test_show_draws_both_cells(cli: Cli) -> None:
    shown = cli("genotype", "show", "PR_DARTS_DL2").stdout
    assert "normal\n" in shown
    assert "reduce\n" in shown
    assert "c7m1" in shown
    assert "4,017,646" in shown
    assert "cifar10 error 2.51 %" in shown


def test_the_list_of_published_and_found_cells(cli: Cli) -> None:
    config, _ = make_run(cli.home.root)
    listed = cli.json("genotype", "list")
    assert [entry["name"] for entry in listed] == [cell.name for cell in library.published()] + [config.id]
    assert {entry["kind"] for entry in listed} == {"published", "found"}
    assert listed[-1]["parameters"] == 316_346
    table = cli("genotype", "list").stdout
    assert "2.46 ± 0.03 % [tables of TE-NAS; results page of DrNAS]" in table
    assert config.id in table


def test_any_epoch_of_a_run(cli: Cli) -> None:
    config, paths = make_run(cli.home.root)
    for epoch, ended in enumerate(history.load(paths).epochs[:2], start=1):
        assert cli.json("genotype", "show", config.id, "--epoch", epoch)["genotype"] == ended.genotype
    assert cli.json("genotype", "show", "latest")["name"] == config.id


def test_converted_texts_are_read_again(cli: Cli) -> None:
    texts = {form: cli("genotype", "convert", "DARTS_V2", "--to", form).stdout for form in ("json", "python", "string")}
    for form, text in texts.items():
        (cli.folder / form).write_text(text)
        assert cli.json("genotype", "show", form)["parameters"] == 3_349_342
        assert cli.json("genotype", "show", text)["parameters"] == 3_349_342


def test_converted_into_a_file(cli: Cli) -> None:
    done = cli("genotype", "convert", "NB201_ResNet", "--to", "svg", "--output", "cell.svg")
    assert done.stdout == ""
    assert (cli.folder / "cell.svg").read_text().startswith("<svg")
    assert cli("genotype", "convert", "NB201_ResNet", "--to", "dot").stdout.startswith("digraph")
    refused = cli("genotype", "convert", "NB201_ResNet", "--to", "dot", "--output", "absent/cell.dot", code=5)
    assert "cannot be written" in refused.stderr


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("Genotype(normal=__import__('os').system('touch evaluated'))", "normal is '__import__"),
        (
            "Genotype(normal=[('sep_conv_3x4', 0), ('none', 1)], normal_concat=[2], reduce=[('none', 0), ('none', 1)], "
            "reduce_concat=[2])",
            "Unknown operation 'sep_conv_3x4' on edge 2←0 of cell 'normal'. Did you mean",
        ),
        ("Genotype()", "lacks normal="),
        ("{" * 5000, "is not valid JSON"),
        ("[" * 50_000, "is not valid JSON"),
        ("|nor_conv_3x4~0|+|none~0|none~1|+|none~0|none~1|none~2|", "Did you mean 'nor_conv_3x3'?"),
    ],
    ids=["evaluated", "operation", "empty", "json", "deep", "string"],
)
def test_malformed_genotypes(cli: Cli, typed: str, says: str) -> None:
    done = cli("genotype", "show", typed, code=2)
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(cli.folder.iterdir())


def test_convert_refuses_the_same(cli: Cli) -> None:
    assert "lacks normal=" in cli("genotype", "convert", "Genotype()", "--to", "json", code=2).stderr
    assert (
        "--to must be one of json, python, string, dot, svg, got yaml."
        in cli("genotype", "convert", "DARTS", "--to", "yaml", code=2).stderr
    )


def test_names_that_do_not_exist(cli: Cli) -> None:
    assert "Did you mean 'DrNAS_cifar10'?" in cli("genotype", "show", "DrNAS_cifar11", code=3).stderr
    assert "Only runs have epochs" in cli("genotype", "show", "DARTS", "--epoch", 3, code=2).stderr
    assert "no stem 'imagenet'" in cli("genotype", "show", "NB201_ResNet", "--stem", "imagenet", code=2).stderr


def test_the_help_does_not_read_the_library(cli: Cli) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import nastui.cli.application"],
        env=cli.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "runs.genotypes" not in done.stderr
