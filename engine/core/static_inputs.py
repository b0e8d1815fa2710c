"""Inputs of a training step at fixed addresses, so that a captured CUDA graph can read them."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.core import cuda_graphs


class StaticInputs:
    """Device tensors that are refilled before each step, one for each slot.

    Args:
        device: of the tensors. On a CPU there is nothing to capture: values are returned unchanged.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._buffers: dict[int, Tensor] = {}

    def fill(self, values: Tensor, slot: int = 0) -> Tensor:
        """Return values on the device, in a tensor that the next call with the same slot overwrites.

        Values of another shape or type get a new tensor. Then the step is another one too, and is captured again.

        The copy does not wait for the device: torch keeps the pinned memory until the copy is done. A single pinned
        buffer would make each step wait until the step before has begun.

        Args:
            values: on the host or on the device.
            slot: distinguishes inputs that are needed at the same time.
        """
        if not cuda_graphs.possible(self._device):
            return values
        buffer = self._buffers.get(slot)
        if buffer is None or (buffer.shape, buffer.dtype) != (values.shape, values.dtype):
            buffer = self._buffers[slot] = torch.empty_like(values, device=self._device)
        from_host = self._device.type == "cuda" and values.device.type == "cpu"
        return buffer.copy_(values.pin_memory() if from_host else values, non_blocking=True)
