"""Several processes that train one network: who this one is among them, and the little they tell each other.

They find each other through the environment that ``torchrun`` sets (RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, ...);
:mod:`engine.core.local_launcher` sets the same. The process of rank 0 leads: only it writes events and files.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class Group:
    """This process among those of its run. Alone, every exchange is free.

    Attributes:
        rank: of this process, counted over all machines.
        size: processes in all.
        local_rank: of this process on its machine.
        local_size: processes on this machine.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes what the run leaves behind."""
        return self.rank == 0

    def told(self, word: int) -> int:
        """Return the word of the leader; all processes must ask at the same point of their work."""
        if self.size == 1:
            return word
        said = torch.tensor([word])
        distributed.broadcast(said, 0)
        return int(said)

    def total(self, values: Tensor) -> Tensor:
        """Return the sum over all processes."""
        if self.size > 1:
            distributed.all_reduce(values)
        return values

    def shared(self, network: nn.Module, device: torch.device, *, dead_parts: bool) -> nn.Module:
        """Return the network with its gradients averaged over all processes in each backward pass.

        Batch norm uses the statistics of each process's own share; its running averages are the leader's.
        ``dead_parts`` says that some weights get no gradient.
        """
        if self.size == 1:
            return network
        return DistributedDataParallel(
            network,
            device_ids=[device.index] if device.type == "cuda" else None,
            find_unused_parameters=dead_parts,
        )

    def align(self, network: nn.Module) -> None:
        """Give all processes the leader's running averages, as they have them in each step of training."""
        if self.size > 1:
            for buffer in network.buffers():
                distributed.broadcast(buffer, 0)

    def leave(self) -> None:
        """Say goodbye, so that the others do not wait."""
        if self.size > 1:
            distributed.destroy_process_group()


ALONE = Group()


def join() -> Group:
    """Return the group that the environment describes, once all its processes are there."""
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
