"""CUDA graphs on a CPU: a step is recorded call by call with the addresses of its tensors, and repeated without Python.

A tape has what makes a graph treacherous. It repeats the numbers, shapes and branches with which it was recorded, and
reads and writes the tensors of that time. Reading a result while recording is an error, and recording executes nothing
that lasts. So a step that trains alike on a tape and eagerly is fit for a CUDA graph, as far as a CPU can tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.optim import adam
from torch.utils._python_dispatch import TorchDispatchMode

from engine.core import cuda_graphs
from engine.method import EpochReport
from engine.spaces.darts import merging

# What a recorder does in two epochs of 5 whole batches and a short one, which is eager.
FIRST, NEXT = "eeecrr", "ecrrrr"
READS = ("_local_scalar_dense", "nonzero", "equal", "masked_select")


class Tape(TorchDispatchMode):
    """Records every call of a kernel. The results are undone afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: list[tuple[Any, Any, Any, list[Tensor]]] = []
        # Memory by address: that of tensors made while recording, and that of others with its content before.
        self._made: set[int] = set()
        self._given: dict[int, tuple[torch.UntypedStorage, torch.UntypedStorage]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func.namespace == "profiler":
            return func(*args, **kwargs)
        if func._schema.name.removeprefix("aten::") in READS:
            raise RuntimeError(f"{func} is not permitted when stream is capturing")
        for tensor in tensors(args, kwargs):
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in self._made and storage.data_ptr() not in self._given:
                self._given[storage.data_ptr()] = storage, storage.clone()
        found = func(*args, **kwargs)
        results = list(tensors(found))
        self._made |= {tensor.untyped_storage().data_ptr() for tensor in results} - self._given.keys()
        self._calls.append((func, args, kwargs, results))
        return found

    def undo(self) -> None:
        """Restore all memory that was not made while recording."""
        for storage, before in self._given.values():
            storage.copy_(before)

    @torch.no_grad()
    def replay(self) -> None:
        """Repeat every call; new results overwrite those of the recording."""
        with torch._C._AutoDispatchBelowAutograd():
            for func, args, kwargs, results in self._calls:
                again = func(*args, **kwargs)
                for result, new in zip(results, tensors(again), strict=True):
                    if result.untyped_storage().data_ptr() != new.untyped_storage().data_ptr():
                        result.copy_(new)


def tensors(*tree: Any) -> Iterator[Tensor]:
    """Yield the tensors that have memory."""
    for leaf in tree:
        if isinstance(leaf, Tensor):
            if leaf.untyped_storage().data_ptr():
                yield leaf
        elif isinstance(leaf, (tuple, list)):
            yield from tensors(*leaf)
        elif isinstance(leaf, dict):
            yield from tensors(*leaf.values())


class TapeRecorder:
    """Captures steps on tapes. See :class:`engine.core.cuda_graphs.Recorder`.

    Attributes:
        done: what it was asked for, in order, by the initials of eager, capture, replay and free.
    """

    def __init__(self) -> None:
        self.done = ""

    def warm_up(self, step: Callable[[], None]) -> None:
        self.done += "e"
        step()

    def capture(self, step: Callable[[], None]) -> Callable[[], None]:
        self.done += "c"
        tape, random_state = Tape(), torch.get_rng_state()
        try:
            with tape:
                step()
        finally:
            tape.undo()
            torch.set_rng_state(random_state)

        def replay() -> None:
            self.done += "r"
            tape.replay()

        return replay

    def release(self) -> None:
        self.done += "f"


def without_status(report: EpochReport) -> EpochReport:
    """Remove from a report whether steps were captured, which is what differs between recorded and eager ones."""
    report.extras.pop("cuda_graphs", None)
    return report


def prepare_as_on_a_gpu(monkeypatch: pytest.MonkeyPatch, recorder: cuda_graphs.Recorder | None = None) -> None:
    """Use the optimisers, rates, static inputs and merged operations of a GPU on this CPU.

    Args:
        monkeypatch: of the test.
        recorder: captures the steps of all runs; None for eager steps.
    """
    supported = adam._get_capturable_supported_devices
    monkeypatch.setattr(merging, "DEVICES", {"cuda", "cpu"})
    monkeypatch.setattr(cuda_graphs, "possible", lambda device: True)
    monkeypatch.setattr(cuda_graphs, "recorder", lambda device: recorder)
    monkeypatch.setattr(adam, "_get_capturable_supported_devices", lambda **options: [*supported(**options), "cpu"])
