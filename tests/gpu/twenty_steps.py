"""``python -m tests.gpu.twenty_steps FILE DEVICE``: one of two processes that train on the same device."""

from __future__ import annotations

import os
import sys

import torch
from torch import Tensor, distributed

from engine.core.distributed import ALONE, Group
from tests.engine.float64_training import train

STEPS = 20


def alone(device: str) -> dict[str, Tensor]:
    """Return the weights of one process that computes each batch in two pieces."""
    return train(ALONE, 2, STEPS, device)


def main(file: str, device: str) -> None:
    """Train as a member of the group that the environment describes; rank 0 saves the weights."""
    distributed.init_process_group("gloo")
    # Both have local rank 0, because the local rank selects the GPU.
    group = Group(rank=int(os.environ["RANK"]), size=2)
    weights = train(group, 1, STEPS, device)
    if group.leads:
        torch.save(weights, file)
    group.leave()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
