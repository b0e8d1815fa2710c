"""Gradients of every sample from one backward pass, layer by layer: a product of what went in and what came back."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

_Layer = nn.Conv2d | nn.Linear | _BatchNorm


def per_sample_gradients(
    network: nn.Module, images: Tensor, parameters: Collection[nn.Parameter], *, summed: bool
) -> Tensor:
    """Return the gradients of each sample's outputs by the parameters, [K, B, P]; K is 1 where outputs are summed.

    Right only where no sample depends on another. Layers are convolutions, linear layers and batch norms in evaluation
    mode, each called once; those that are not called are left out.

    Args:
        network: gives [B, K].
        images: [B, ...].
        parameters: which count.
        summed: whether to add up the outputs of a sample first, for one backward pass in place of K.
    """
    wanted = {id(parameter) for parameter in parameters}
    calls: list[tuple[_Layer, Tensor, Tensor]] = []

    def record(layer: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        calls.append((layer, inputs[0].detach(), output))

    layers = [part for part in network.modules() if isinstance(part, _Layer)]
    handles = [layer.register_forward_hook(record) for layer in layers]
    try:
        scores = network(images)
    finally:
        for handle in handles:
            handle.remove()
    outputs = [output for _, _, output in calls]
    rows = []
    for value in [scores.sum()] if summed else scores.sum(0):
        # With no sample reading another, the sum over samples holds each one's gradient in its own place.
        backward = torch.autograd.grad(value, outputs, retain_graph=True, allow_unused=True)
        parts = [
            gradient
            for (layer, features, _), back in zip(calls, backward, strict=True)
            if back is not None
            for gradient in _of_layer(layer, features, back, wanted)
        ]
        rows.append(torch.cat(parts, dim=1))
    return torch.stack(rows)


def _of_layer(layer: _Layer, features: Tensor, back: Tensor, wanted: Collection[int]) -> list[Tensor]:
    """Return the gradients [B, ...] by a layer's weight and bias, those that are wanted."""
    samples = len(features)
    found = []
    if layer.weight is not None and id(layer.weight) in wanted:
        if isinstance(layer, nn.Linear):
            found.append(torch.einsum("bo,bi->boi", back, features).flatten(1))
        elif isinstance(layer, nn.Conv2d):
            found.append(_of_convolution(layer, features, back))
        else:
            shape = (1, -1) + (1,) * (features.dim() - 2)
            assert layer.running_mean is not None
            assert layer.running_var is not None
            scale = (layer.running_var + layer.eps).rsqrt().view(shape)
            normal = (features - layer.running_mean.view(shape)) * scale
            found.append((normal * back).view(samples, features.shape[1], -1).sum(2))
    if layer.bias is not None and id(layer.bias) in wanted:
        found.append(back.reshape(samples, back.shape[1], -1).sum(2))
    return found


def _of_convolution(layer: nn.Conv2d, features: Tensor, back: Tensor) -> Tensor:
    """Return the gradients [B, O * I / groups * kernel] by a kernel: windows of the input times what came back."""
    samples, groups = len(features), layer.groups
    windows = functional.unfold(
        features,
        layer.kernel_size,
        layer.dilation,
        _numbers(layer.padding),
        layer.stride,
    )
    inputs = windows.view(samples, groups, -1, windows.shape[-1])
    gradients = back.reshape(samples, groups, layer.out_channels // groups, -1)
    return (gradients @ inputs.transpose(2, 3)).flatten(1)


def _numbers(padding: str | tuple[int, ...]) -> tuple[int, ...]:
    assert not isinstance(padding, str)
    return padding
