"""Several processes that train one network compute what one would."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import torch

MODULE = "tests.engine.twenty_steps"
ROOT = Path(__file__).parents[2]


def train(file: Path, *, size: int, pieces: int) -> dict[str, torch.Tensor]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    members = []
    for rank in range(size):
        here = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(size), "LOCAL_WORLD_SIZE": str(size)}
        here |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", MODULE, str(file), str(pieces)]
        members.append(subprocess.Popen(command, env=os.environ | here, cwd=ROOT))
    assert [member.wait(timeout=120) for member in members] == [0] * size
    found: dict[str, torch.Tensor] = torch.load(file, weights_only=True)
    return found


def test_two_processes_give_the_weights_of_one_after_twenty_steps(tmp_path: Path) -> None:
    """Batch norm sees a process's share as it sees a piece; running averages are the leader's."""
    together = train(tmp_path / "two.pt", size=2, pieces=1)
    alone = train(tmp_path / "one.pt", size=1, pieces=2)
    for name, tensor in together.items():
        if not name.endswith(("running_mean", "running_var", "num_batches_tracked")):
            torch.testing.assert_close(tensor, alone[name], rtol=1e-6, atol=1e-8)
