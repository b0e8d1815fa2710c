"""Several processes that train one network compute the same as a single one."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import torch

from engine.core.distributed import ALONE
from tests.engine import twenty_steps

ROOT = Path(__file__).parents[2]


def start(file: Path, *, size: int) -> list[subprocess.Popen[bytes]]:
    """Start the processes of a group, each with its share of a batch."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    members = []
    for rank in range(size):
        variables = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(size), "LOCAL_WORLD_SIZE": str(size)}
        variables |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", twenty_steps.__name__, str(file), "1"]
        members.append(subprocess.Popen(command, env=os.environ | variables, cwd=ROOT))
    return members


def test_two_processes_give_the_weights_of_one_after_twenty_steps(tmp_path: Path) -> None:
    """Batch norm treats a process's share like a piece of a batch; the running averages are those of rank 0."""
    members = start(tmp_path / "two.pt", size=2)
    alone = twenty_steps.train(ALONE, pieces=2)
    assert [member.wait(timeout=120) for member in members] == [0, 0]
    together = torch.load(tmp_path / "two.pt", weights_only=True)
    assert together.keys() == alone.keys()
    for name, tensor in together.items():
        if not name.endswith(("running_mean", "running_var", "num_batches_tracked")):
            torch.testing.assert_close(tensor, alone[name], rtol=1e-6, atol=1e-8)
