"""Counting parameters and multiply-accumulates of any network, without computing anything."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


@contextmanager
def without_values() -> Iterator[None]:
    """Make networks on the meta device, without the time that their layers take to draw initial values."""
    with torch.device("meta"), pytest.MonkeyPatch.context() as monkeypatch:
        for layer in (nn.modules.conv._ConvNd, nn.Linear, nn.modules.batchnorm._BatchNorm):
            monkeypatch.setattr(layer, "reset_parameters", lambda self: None)
        yield


def parameters(network: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


class Operations(TorchDispatchMode):
    """Adds up torch's own counts of floating-point operations, over all kernels that it has a count for.

    ``FlopCounterMode`` does the same for each module as well, and takes four times as long.
    """

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.native_batch_norm.default:
            # Only the shape matters, and on the meta device torch derives it through dozens of Python functions.
            return torch.empty_like(args[0]), args[3], args[4]
        out = func(*args, **(kwargs or {}))
        if count := flop_registry.get(func._overloadpacket):
            self.total += count(*args, **(kwargs or {}), out_val=out)
        return out


def macs(network: nn.Module, size: int, *arguments: Any) -> int:
    """Return the multiply-accumulates of convolutions and linear layers for one image; nothing else counts.

    Args:
        network: left as it is; a copy on the meta device is run, or the network itself if it is already there.
        size: side of the image in pixels.
        arguments: further arguments of its forward pass, on the meta device.
    """
    training = network.training
    twin = network if all(each.is_meta for each in network.parameters()) else copy.deepcopy(network).to("meta")
    twin.eval()
    with torch.no_grad(), Operations() as counter:
        twin(torch.empty(1, 3, size, size, device="meta"), *arguments)
    network.train(training)
    # Torch counts a multiplication and an addition as two.
    return counter.total // 2
