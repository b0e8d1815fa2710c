"""Real engine processes on a GPU: one that is killed, and two that share a batch."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import torch

from runs.store.lock import owner_pid
from tests.end_to_end.conftest import Cli
from tests.gpu import twenty_steps

ROOT = Path(__file__).parents[2]


def test_a_killed_engine_resumes_and_ends_like_one_that_was_not(cli: Cli, device: str) -> None:
    words = ("search", "drnas", "--preset", "quick", "--seed", 5, "--device", device)
    # Long enough to be killed in the middle.
    small = ("--set", f"epochs={6 if device == 'cpu' else 24}", "--set", "image_limit=600", "--set", "threads=1")
    whole, killed = (str(cli.json(*words, *small, "--detach")["id"]) for _ in range(2))
    cli.reach_epoch(killed, 2)
    pid = owner_pid(cli.home.run(killed).lock)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert cli.wait(killed, "lost") == "lost"
    cli("runs", "resume", killed)
    for run in (whole, killed):
        assert cli.wait(run, "finished") == "finished"
    assert cli.series(killed) == cli.series(whole)


def test_two_processes_on_one_device_compute_what_one_computes(device: str, tmp_path: Path) -> None:
    """NCCL refuses two processes on one GPU, so gloo exchanges the gradients."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    members = []
    for rank in range(2):
        paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
        variables = {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        command = [sys.executable, "-m", twenty_steps.__name__, str(tmp_path / "two.pt"), device]
        members.append(subprocess.Popen(command, env=os.environ | variables | {"PYTHONPATH": paths}, cwd=ROOT))
    alone = twenty_steps.alone(device)
    assert [member.wait(timeout=120) for member in members] == [0, 0]
    together = torch.load(tmp_path / "two.pt", weights_only=True)
    assert together.keys() == alone.keys()
    for name, tensor in together.items():
        # The running averages are those of rank 0's share.
        if not name.endswith(("running_mean", "running_var", "num_batches_tracked")):
            torch.testing.assert_close(tensor.cpu(), alone[name].cpu(), rtol=1e-5, atol=1e-7)
