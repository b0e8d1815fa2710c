"""One-stage ISTA-NAS as a user runs it: search, training, a kill in between, and the evaluation of its network."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Cli

SIZE = ["--set", "channels=4", "--set", "layers=3", "--set", "image_size=8"]
PLAN = ["--set", "epochs=3", "--set", "fixed_epochs=6", "--set", "image_limit=200", "--set", "threads=1"]


@pytest.mark.timeout(180)
def test_the_network_that_it_leaves_needs_no_retraining(cli: Cli, eventually: Callable[..., None]) -> None:
    started = cli("search", "ista_onestage", "--preset", "quick", *SIZE, *PLAN, "--detach", "--json")
    run = json.loads(started.stdout)["id"]
    # Kill the run while the frozen network trains, and resume it.
    eventually(lambda: any(epoch["stage"] == 1 for epoch in cli.series(run)))
    cli.kill(run)
    assert cli.wait(run, "lost", "finished") == "lost"
    cli("runs", "resume", run)
    cli.wait(run, "finished")
    shown = cli.json("runs", "show", run)
    weights = Path(shown["path"]) / "weights.safetensors"
    done = cli(
        "retrain",
        run,
        "--preset",
        "ista-cifar-bn",
        "--dataset",
        "digits",
        "--weights",
        weights,
        "--evaluate",
        *SIZE,
        "--set",
        "threads=1",
        "--json",
    )
    evaluated = json.loads(done.stdout.splitlines()[-1])
    assert evaluated["metrics"]["test_accuracy"] == shown["metrics"]["search_accuracy"]
    assert evaluated["genotype"] == shown["genotype"]


def test_what_cannot_be_searched_is_refused(cli: Cli) -> None:
    refused = cli("search", "ista", "--set", "gamma=0", code=2)
    assert "gamma" in refused.stderr
    assert "clip_scope" in cli("search", "ista_onestage", "--set", "clip_scope=all", code=2).stderr
    assert not cli.json("runs", "list")
