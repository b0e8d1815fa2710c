"""Version 0.1's runs under today's commands and today's engine."""

from __future__ import annotations

import pytest

from runs.log.history import load
from tests.end_to_end.conftest import Cli
from tests.home_of_0_1 import STATUSES, unpack


def test_every_command_that_reads(cli: Cli) -> None:
    runs = {name: run.root.name for name, run in unpack(cli.home).items()}
    assert {entry["name"]: entry["status"] for entry in cli.json("runs", "list")} == STATUSES
    for run in runs.values():
        assert cli.json("runs", "show", run)["id"] == run
        assert cli("runs", "events", run).stdout
        assert cli("runs", "export", run, "--to", cli.folder / run)
    assert cli.json("runs", "compare", runs["finished"], runs["stopped"])["differs"] == {}
    assert cli("genotype", "show", runs["finished"]).stdout


@pytest.mark.parametrize("name", ["stopped", "lost"])
def test_it_resumes_where_the_old_engine_ended(cli: Cli, name: str) -> None:
    runs = unpack(cli.home)
    run = runs[name].root.name
    cli("runs", "resume", run)
    assert cli.wait(run, "finished", "failed", "lost") == "finished"
    # Both are the same search, so the resumed one ends like the uninterrupted one, except for rounding on another
    # processor.
    for ours, theirs in zip(load(runs[name]).epochs, load(runs["finished"]).epochs, strict=True):
        assert ours.metrics["train_loss"] == pytest.approx(theirs.metrics["train_loss"], rel=1e-3)
        for kind, cell in theirs.architecture.items():
            for row, expected in zip(ours.architecture[kind].weights, cell.weights, strict=True):
                assert row == pytest.approx(expected, abs=1e-3)
