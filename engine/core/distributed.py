"""Several processes that train one network: the rank of this one, and what they exchange.

They find each other through the environment variables that ``torchrun`` sets (RANK, WORLD_SIZE, LOCAL_RANK,
MASTER_ADDR, ...); :mod:`engine.core.local_launcher` sets the same, and :mod:`engine.core.slurm_step` takes them from
those of Slurm. Only the process of rank 0, the leader, writes events and files.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from runs.errors import NastuiError

Result = TypeVar("Result")


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

    def agreed(self, compute: Callable[[], Result]) -> Result:
        """Return what rank 0 computes, without computing it on the others; all must call this at the same point.

        Args:
            compute: returns numbers, text, arrays, or lists and dataclasses of these.
        """
        if self.size == 1:
            return compute()
        result: list[Result | None] = [compute() if self.leads else None]
        distributed.broadcast_object_list(result, 0, device=torch.device("cpu"))
        (found,) = result
        return found  # type: ignore[return-value]  # rank 0's result has replaced None

    def wait(self) -> None:
        """Wait until all processes have come to this point."""
        self.total(torch.zeros(1))

    def share(self, values: Tensor) -> Tensor:
        """Return this process's part of values [..., N] that all processes have; some parts may be larger by one."""
        return values if self.size == 1 else values.tensor_split(self.size, dim=-1)[self.rank].contiguous()

    def total(self, values: Tensor) -> Tensor:
        """Return the sum over all processes, which must all call this at the same point."""
        if self.size > 1:
            distributed.all_reduce(values)
        return values

    def weighted_sums(self, tensors: Sequence[Tensor], weight: float) -> None:
        """Replace tensors by their weighted sums over all processes, in place and by a single exchange.

        All must call this at the same point, with tensors of the same shapes.

        Args:
            tensors: on one device.
            weight: of this process.
        """
        flat = self.total(torch.cat([tensor.reshape(-1) for tensor in tensors]).mul_(weight))
        _unflatten(flat, tensors)

    def check_equal(self, tensors: Sequence[Tensor]) -> None:
        """Check that all processes have the same tensors, of 32 or 64 bits; all must call this at the same point.

        Raises:
            NastuiError: they do not, in every process.
        """
        if self.size == 1:
            return
        # A sum of integers is exact, so it does not depend on the order of a device.
        own = int(torch.cat([tensor.detach().reshape(-1) for tensor in tensors]).view(torch.int32).sum())
        if self.total(torch.tensor([float(own != self.broadcast(own))])).item():
            raise NastuiError(
                "The processes of the run no longer have the same weights.",
                "Use GPUs of one model. An update of a plug-in must average its gradients: see engine/search/step.py.",
            )

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
        averages = [buffer for buffer in network.buffers() if buffer.is_floating_point()]
        if self.size > 1 and averages:
            flat = torch.cat([buffer.reshape(-1) for buffer in averages])
            distributed.broadcast(flat, 0)
            _unflatten(flat, averages)

    def leave(self) -> None:
        """Leave the process group."""
        if self.size > 1:
            distributed.destroy_process_group()


ALONE = Group()


@torch.no_grad()
def _unflatten(flat: Tensor, into: Sequence[Tensor]) -> None:
    """Copy consecutive parts of a flat tensor into tensors."""
    parts = flat.split([tensor.numel() for tensor in into])
    torch._foreach_copy_(list(into), [part.view_as(tensor) for part, tensor in zip(parts, into, strict=True)])


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
