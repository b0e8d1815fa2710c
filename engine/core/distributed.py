"""Several processes that train one network: the rank of this one, and the little data that they exchange.

They find each other through the environment variables that ``torchrun`` sets (RANK, WORLD_SIZE, LOCAL_RANK,
MASTER_ADDR, ...); :mod:`engine.core.local_launcher` sets the same. Only the process of rank 0, the leader, writes
events and files.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class Group:
    """The process group of a run, as seen from this process. A single process exchanges nothing.

    Attributes:
        rank: of this process, counted over all machines.
        size: the total number of processes.
        local_rank: of this process on its machine.
        local_size: the number of processes on this machine.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes the run's events and files."""
        return self.rank == 0

    def broadcast(self, number: int) -> int:
        """Return rank 0's number; all processes must call this at the same point of their work."""
        if self.size == 1:
            return number
        value = torch.tensor([number])
        distributed.broadcast(value, 0)
        return int(value)

    def total(self, values: Tensor) -> Tensor:
        """Return the sum over all processes, which must all call this at the same point."""
        if self.size > 1:
            distributed.all_reduce(values)
        return values

    def parallel(self, network: nn.Module, device: torch.device, *, dead_parts: bool) -> nn.Module:
        """Return the network with its gradients averaged over all processes in each backward pass.

        Batch norm uses the statistics of each process's own share; its running averages are those of rank 0.

        Args:
            network: on ``device``.
            device: of this process.
            dead_parts: whether some weights never get a gradient.
        """
        if self.size == 1:
            return network
        return DistributedDataParallel(
            network,
            device_ids=[device.index] if device.type == "cuda" else None,
            find_unused_parameters=dead_parts,
        )

    def align(self, network: nn.Module) -> None:
        """Copy rank 0's running averages to all processes, as each step of training does."""
        if self.size > 1:
            for buffer in network.buffers():
                distributed.broadcast(buffer, 0)

    def leave(self) -> None:
        """Leave the process group."""
        if self.size > 1:
            distributed.destroy_process_group()


ALONE = Group()


def join() -> Group:
    """Return the group that the environment describes, once all its processes have joined."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return ALONE
    distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    return Group(
        rank=int(os.environ["RANK"]),
        size=size,
        local_rank=int(os.environ.get("LOCAL_RANK", "0")),
        local_size=int(os.environ.get("LOCAL_WORLD_SIZE", "1")),
    )
