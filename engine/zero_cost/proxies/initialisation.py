"""The initial weights of a scoring network, drawn from a single generator on any device.

See docs/methods/tenas.md, "Initialisation".
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import nn

from runs.errors import UsageError, closest

Initialisation = Literal["default", "kaiming"]
Fan = Literal["fan_in", "fan_out"]
INITIALISATIONS: tuple[Initialisation, ...] = ("default", "kaiming")


def initialise(network: nn.Module, how: str, generator: torch.Generator, *, fan: Fan = "fan_out") -> None:
    """Draw the weights of a network again, in the order of its modules.

    Args:
        network: of convolutions, linear layers and batch norms; the latter get scale 1 and shift 0.
        how: ``default`` is torch's own, uniform within 1 / sqrt(fan in), including biases; ``kaiming`` is normal with
            standard deviation sqrt(2 / fan) and biases of 0, as the paper describes.
        generator: on the CPU.
        fan: of ``kaiming``: the paper uses ``fan_out`` for the NTK and ``fan_in`` for linear regions.

    Raises:
        UsageError: unknown initialisation. The public code ignores unknown names silently
            (docs/methods/tenas.md, "Initialisation names are ignored").
    """
    if how not in INITIALISATIONS:
        raise UsageError(f"Unknown initialisation '{how}'.", closest(how, INITIALISATIONS))
    with torch.no_grad():
        for part in network.modules():
            if isinstance(part, nn.Conv2d | nn.Linear):
                _draw(part, how, generator, fan)
            elif isinstance(part, nn.BatchNorm2d):
                nn.init.ones_(part.weight)
                nn.init.zeros_(part.bias)


def _draw(layer: nn.Conv2d | nn.Linear, how: str, generator: torch.Generator, fan: Fan) -> None:
    shape, area = layer.weight.shape, layer.weight[0, 0].numel()
    if how == "default":
        bound = 1 / math.sqrt(shape[1] * area)
        layer.weight.copy_(torch.rand(shape, generator=generator).mul_(2).sub_(1).mul_(bound))
        if layer.bias is not None:
            layer.bias.copy_(torch.rand(layer.bias.shape, generator=generator).mul_(2).sub_(1).mul_(bound))
        return
    inputs = shape[1] if fan == "fan_in" else shape[0]
    layer.weight.copy_(torch.randn(shape, generator=generator).mul_(math.sqrt(2 / (inputs * area))))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
