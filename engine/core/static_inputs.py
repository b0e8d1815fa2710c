"""Inputs of a training step at fixed addresses, so that a captured CUDA graph can read them."""

from __future__ import annotations

import torch
from torch import Tensor


class StaticInputs:
    """Device tensors that the host refills before each step, one for each slot, shape and type.

    Args:
        device: of the tensors. On a CPU there is nothing to copy: values are returned unchanged.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._buffers: dict[tuple[int, torch.Size, torch.dtype], Tensor] = {}

    def fill(self, values: Tensor, slot: int = 0) -> Tensor:
        """Return values on the device, in a tensor that the next call with the same slot and shape overwrites.

        The copy does not wait for the device: torch keeps the pinned memory until the copy is done.

        Args:
            values: on the host.
            slot: distinguishes inputs that are needed at the same time.
        """
        if self._device.type != "cuda":
            return values
        key = (slot, values.shape, values.dtype)
        if key not in self._buffers:
            self._buffers[key] = torch.empty(values.shape, dtype=values.dtype, device=self._device)
        return self._buffers[key].copy_(values.pin_memory(), non_blocking=True)
