"""Counting parameters and multiply-accumulates of any network, without computing anything."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn


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
    total = 0

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        if isinstance(layer, nn.Conv2d):
            total += output[0].numel() * layer.weight[0].numel()
        elif isinstance(layer, nn.Linear):
            total += output[0].numel() * layer.in_features

    twin = copy.deepcopy(network).to("meta").eval()
    for layer in twin.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(count)
    with torch.no_grad():
        twin(torch.empty(1, 3, size, size, device="meta"), *arguments)
    return total
