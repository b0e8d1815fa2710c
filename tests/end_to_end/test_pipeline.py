"""A whole workflow of a script, through commands and their JSON: search, retrain the result, look it up."""

from __future__ import annotations

import json
from typing import Any

from tests.end_to_end.conftest import TINY, Cli
from tests.tabulated import accuracy, write_csv

LABEL = "test (200 epochs)"
SMALL = TINY | {"epochs": 2, "cells": 1}


def ended(cli: Cli, *words: object) -> dict[str, Any]:
    """Run a command to the end of its run, and return the last document that it prints."""
    settings = [word for key, value in SMALL.items() for word in ("--set", f"{key}={value}")]
    printed = cli(*words, "--dataset", "digits", "--preset", "quick", *settings, "--json").stdout
    result: dict[str, Any] = json.loads(printed.splitlines()[-1])
    assert result["status"] == "finished"
    return result


def test_search_then_retrain_then_look_up(cli: Cli) -> None:
    table = cli.json("benchmark", "import", write_csv(cli.folder / "table.csv"))
    assert (table["space"], table["architectures"]) == ("nasbench201", 15_625)

    search = ended(cli, "search", "drnas", "--space", "nasbench201", "--seed", 3)
    retraining = ended(cli, "retrain", search["id"], "--seed", 3)
    assert retraining["genotype"] == search["genotype"]
    assert 0 < retraining["metrics"]["test_accuracy"] <= retraining["best"]["test_accuracy"] <= 100

    looked_up = cli.json("benchmark", "query", search["id"], "--dataset", "digits")
    (reported,) = (result for result in looked_up["results"] if result["column"] == LABEL)
    # In this table, the rank determines the accuracy.
    assert reported["value"] == accuracy(15_625 - reported["rank"])
    assert looked_up["genotype"] == search["genotype"]
    for run in (search, retraining):
        assert cli.json("runs", "show", run["id"])["benchmark"]["digits"][LABEL] == reported["value"]
    assert cli.json("benchmark", "query", looked_up["string"])["results"][1] == reported
    compared = cli.json("runs", "compare", search["id"], retraining["id"])
    assert {run["id"] for run in compared["runs"]} == {search["id"], retraining["id"]}

    cli("benchmark", "rm", table["name"], "--yes")
    assert len(cli.json("benchmark", "query", looked_up["string"])["results"]) == 9, "the included table"
