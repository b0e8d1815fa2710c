"""`nastui search --gpus`: processes that share a search, stopped, resumed and killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import safetensors.torch
import torch

from runs.configuration import Draft
from runs.processes import command
from runs.store import requests
from runs.store.requests import Request
from runs.store.run_store import RunStore
from runs.supervision import new_run
from tests.end_to_end.conftest import TINY, Cli, are_gone, shadows

# The run never gets this far.
ENDLESS = 100_000


def test_torchrun_stop_and_resume_reach_all_and_change_nothing(cli: Cli) -> None:
    """The command is that of docs/performance.md, "Several GPUs for one run"; the resumed run is started by nastui."""
    small = {"epochs": 12, "image_limit": 140, "batch_size": 16, "cells": 1}
    stopped, torchrun = under_torchrun(cli, small)
    # The ranks find our packages, whatever else has their names.
    cli.environment["PYTHONPATH"] = str(shadows(cli.folder / "foreign", "module"))
    whole = cli.search("--gpus", 2, **small)["id"]
    cli.reach_epoch(stopped, 1)
    # Sent without a command, which takes as long to start as the search has left.
    requests.send(cli.home.run(stopped).requests, Request.STOP)
    assert torchrun.wait(timeout=90) == 0, "both processes have ended"
    assert cli.status(stopped) == "stopped"
    cli("runs", "resume", stopped)
    for run in (stopped, whole):
        assert cli.wait(run, "finished", "failed", "lost") == "finished"
    assert cli.series(stopped) == cli.series(whole)
    resumed, expected = (safetensors.torch.load_file(cli.home.run(run).weights) for run in (stopped, whole))
    assert resumed.keys() == expected.keys()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in resumed.items())
    shown = cli.json("runs", "show", whole)
    assert shown["command"].endswith("--set gpus=2")
    assert "gpus=2" in cli("runs", "show", whole).stdout


def under_torchrun(cli: Cli, options: dict[str, Any]) -> tuple[str, subprocess.Popen[bytes]]:
    """Start a search as ``cli.search("--gpus", 2)`` does, but with torchrun; return the run's id and the process."""
    draft = Draft(method="drnas", preset="quick", seed=3, options=TINY | options | {"gpus": 2})
    config, paths = new_run.create(RunStore(cli.home), draft)
    words = [
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        "-m",
        "nastui_start",
        "engine",
        str(paths.root),
    ]
    return config.id, subprocess.Popen([sys.executable, "-m", *words], env=cli.environment, cwd=cli.folder)


def test_one_process_of_torchrun_does_not_start_others(cli: Cli) -> None:
    """It would hang: their process group would take torchrun's variables for its own."""
    _, paths = new_run.create(RunStore(cli.home), Draft(method="drnas", preset="quick", options={"gpus": 2}))
    variables = {"TORCHELASTIC_RUN_ID": "1", "RANK": "0", "WORLD_SIZE": "1"}
    done = subprocess.run(
        command("engine", str(paths.root)), env=cli.environment | variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("torchrun has started one process, but the run has gpus=2. Start 2,")
    assert not paths.events.exists()


def test_a_killed_process_ends_the_run_with_the_reason(cli: Cli) -> None:
    run = cli.search("--gpus", 2, epochs=ENDLESS)["id"]
    cli.reach_epoch(run, 1)
    members = cli.members(run)
    os.kill(members[1].pid, signal.SIGKILL)
    assert cli.wait(run, "failed", "lost", "finished", seconds=20) == "failed"
    problem = cli.json("runs", "show", run)["problem"]
    assert "Process 1 of 2" in problem
    assert "SIGKILL" in problem
    are_gone(members)
