"""Optimisers whose learning rate may change between steps that a CUDA graph has captured.

A Python number is fixed in a captured step; a tensor on the device is read again in each replay. So the rate is a
tensor where steps can be captured and a number elsewhere, and :func:`set_learning_rate` changes either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim import SGD, Adam, Optimizer

from engine.core import cuda_graphs

# Implementation options of this device: never restored from a state, which may come from another device.
_IMPLEMENTATION = ("foreach", "fused", "capturable", "differentiable")


def sgd(
    parameters: Iterable[Tensor],
    learning_rate: float,
    *,
    device: torch.device,
    momentum: float,
    weight_decay: float,
    nesterov: bool = False,
) -> SGD:
    """Return stochastic gradient descent; on CUDA in its fused form, which reads the rate on the device.

    Args:
        parameters: on ``device``.
        learning_rate: of the first step.
        device: of the parameters.
        momentum, weight_decay, nesterov: as in :class:`torch.optim.SGD`.
    """
    fused = True if cuda_graphs.possible(device) else None
    optimizer = SGD(
        parameters,
        device_rate(learning_rate, device),
        momentum=momentum,
        weight_decay=weight_decay,
        nesterov=nesterov,
        fused=fused,
    )
    _complete_momenta(optimizer)
    return optimizer


def adam(
    parameters: Iterable[Tensor],
    learning_rate: float,
    *,
    device: torch.device,
    betas: tuple[float, float] = (0.9, 0.999),
    weight_decay: float = 0.0,
) -> Adam:
    """Return Adam; on CUDA with its step count on the device, so that a graph may capture it.

    Args:
        parameters: on ``device``.
        learning_rate: of the first step.
        device: of the parameters.
        betas, weight_decay: as in :class:`torch.optim.Adam`.
    """
    return Adam(
        parameters,
        device_rate(learning_rate, device),
        betas=betas,
        weight_decay=weight_decay,
        capturable=cuda_graphs.possible(device),
    )


def device_rate(learning_rate: float, device: torch.device) -> float | Tensor:
    """Return a learning rate in the form for optimisers on this device: a float32 tensor on CUDA, else a number."""
    return torch.tensor(learning_rate, device=device) if cuda_graphs.possible(device) else learning_rate


def set_learning_rate(optimizer: Optimizer, learning_rate: float) -> None:
    """Set the learning rate of every group; a tensor is filled in place, so that captured steps see the change."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(learning_rate)
        else:
            group["lr"] = learning_rate


def load_optimizer(optimizer: Optimizer, state: Mapping[str, Any]) -> None:
    """Load a ``state_dict``, possibly from another kind of device or from version 0.1.

    The optimiser keeps its own implementation and its own rate tensor, into which the saved rate is copied.
    """
    rates = [group["lr"] for group in optimizer.param_groups]
    groups = [
        {**saved, **{name: own[name] for name in _IMPLEMENTATION if name in own}}
        for saved, own in zip(state["param_groups"], optimizer.param_groups, strict=True)
    ]
    optimizer.load_state_dict({**state, "param_groups": groups})
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        saved = float(group["lr"])
        group["lr"] = rate.fill_(saved) if isinstance(rate, Tensor) else saved
    _complete_momenta(optimizer)


def _complete_momenta(optimizer: Optimizer) -> None:
    """Give every parameter of a fused SGD its momentum, 0 so far, from which the first step gets the same bits.

    The fused form raises if only some of the parameters in a step have one, as when sampled paths or sparse codes
    begin to train an operation later than others.
    """
    for group in optimizer.param_groups:
        if isinstance(optimizer, SGD) and group["fused"] and group["momentum"]:
            for parameter in group["params"]:
                if optimizer.state[parameter].get("momentum_buffer") is None:
                    optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
