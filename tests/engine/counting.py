"""Counting parameters and multiply-accumulates of any network, without computing anything."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def parameters(network: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def macs(network: nn.Module, size: int, *arguments: Any) -> int:
    """Return the multiply-accumulates of convolutions and linear layers for one image; nothing else counts.

    Args:
        network: left as it is; a copy on the meta device is run.
        size: side of the image in pixels.
        arguments: further arguments of its forward pass, on the meta device.
    """
    twin = copy.deepcopy(network).to("meta").eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        twin(torch.empty(1, 3, size, size, device="meta"), *arguments)
    # Torch counts a multiplication and an addition as two.
    flops: int = counter.get_total_flops()
    return flops // 2
