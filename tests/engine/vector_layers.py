"""Networks as listed in the TE-NAS vectors: layers with their weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def build(layers: Sequence[dict[str, Any]]) -> nn.Sequential:
    """Return the layers in sequence, in float64 and training mode."""
    return nn.Sequential(*(_layer(**layer) for layer in layers)).double()


def evaluated(network: nn.Module) -> nn.Module:
    """Set the statistics of batch norms to a mean of 0 and a variance of 1."""
    for part in network.modules():
        if isinstance(part, _BatchNorm):
            part.running_mean, part.running_var = torch.zeros_like(part.weight), torch.ones_like(part.weight)
            part.eval()
    return network


class Mixed(nn.Module):
    """A weighted sum of branches with the same input."""

    def __init__(self, branches: Sequence[Sequence[dict[str, Any]]], coefficients: Sequence[float]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(build(branch) for branch in branches)
        self.coefficients = coefficients

    def forward(self, features: Tensor) -> Tensor:
        values = [branch(features) for branch in self.branches]
        return sum(c * value for c, value in zip(self.coefficients, values, strict=True))  # type: ignore[return-value]


class GlobalPool(nn.Module):
    """The mean over rows and columns."""

    def forward(self, features: Tensor) -> Tensor:
        return features.mean((2, 3))


def _layer(type: str, **of: Any) -> nn.Module:
    match type:
        case "linear":
            weight = torch.tensor(of["weight"])
            layer = nn.Linear(weight.shape[1], weight.shape[0], bias="bias" in of).double()
            return _filled(layer, weight=of["weight"], **({"bias": of["bias"]} if "bias" in of else {}))
        case "conv2d":
            shape = torch.tensor(of["weight"]).shape
            conv = nn.Conv2d(shape[1], shape[0], shape[2:], of["stride"], of["padding"], bias=False).double()  # type: ignore
            return _filled(conv, weight=of["weight"])
        case "batchnorm":
            norm = nn.BatchNorm2d(len(of["gamma"]), eps=of["eps"], track_running_stats=False).double()
            return _filled(norm, weight=of["gamma"], bias=of["beta"])
        case "relu":
            return nn.ReLU()
        case "avgpool3x3":
            return nn.AvgPool2d(3, 1, 1, count_include_pad=False)
        case "global_avg_pool":
            return GlobalPool()
        case "identity":
            return nn.Identity()
        case "mixed":
            return Mixed(of["branches"], of["coefficients"])
    raise AssertionError(type)


def _filled(layer: nn.Module, **values: Any) -> nn.Module:
    with torch.no_grad():
        for name, value in values.items():
            getattr(layer, name).copy_(torch.tensor(value, dtype=torch.float64))
    return layer
