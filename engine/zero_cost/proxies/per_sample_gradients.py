"""Gradients of every sample from one backward pass: for each layer the product of its input and its output gradient."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from engine.spaces.joint_convolution import JointConvolution, JointNorm, joint_side

_LAYERS = (nn.Conv2d, nn.Linear, _BatchNorm, JointConvolution, JointNorm)


def per_sample_gradients(
    network: nn.Module, images: Tensor, parameters: Collection[nn.Parameter], *, summed: bool
) -> Tensor:
    """Return the gradients of each sample's outputs with respect to the parameters, [K, B, P].

    K is 1 if outputs are summed. Correct only if no sample depends on another. Layers are convolutions, linear layers
    and batch norms in evaluation mode, each called once; layers that are not called are left out.

    Args:
        network: returns [B, K].
        images: [B, ...].
        parameters: those whose gradients are returned.
        summed: whether to sum the outputs of a sample first, for one backward pass instead of K.
    """
    counted = {id(parameter) for parameter in parameters}
    calls: list[tuple[nn.Module, tuple[Any, ...], Tensor]] = []

    def record(layer: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        calls.append((layer, (inputs[0].detach(), *inputs[1:]), output))

    handles = [part.register_forward_hook(record) for part in network.modules() if isinstance(part, _LAYERS)]
    try:
        scores = network(images)
    finally:
        for handle in handles:
            handle.remove()
    outputs = [output for _, _, output in calls]
    rows = []
    for value in [scores.sum()] if summed else scores.sum(0):
        # Samples are independent, so each row of the gradient of the sum over samples is that sample's own gradient.
        backward = torch.autograd.grad(value, outputs, retain_graph=True, allow_unused=True)
        parts = [
            gradient
            for (layer, inputs, _), back in zip(calls, backward, strict=True)
            if back is not None
            for parameter, gradient in _of_layer(layer, inputs, back)
            if id(parameter) in counted
        ]
        rows.append(torch.cat(parts, dim=1))
    return torch.stack(rows)


def _of_layer(layer: nn.Module, inputs: tuple[Any, ...], back: Tensor) -> Iterator[tuple[Tensor | None, Tensor]]:
    """Yield the parameters of a layer, each with its gradients [B, ...]."""
    features: Tensor = inputs[0]
    match layer:
        case JointConvolution():
            yield from _of_convolutions(features, inputs[1], back)
        case nn.Conv2d():
            yield layer.weight, _of_convolution(layer, features, back)
        case nn.Linear():
            yield layer.weight, torch.einsum("bo,bi->boi", back, features).flatten(1)
        case JointNorm():
            scaled = back * inputs[2].view(-1, 1, 1)
            width = features.shape[1] // len(inputs[1])
            weights, biases = _pixels(_normal(layer, features, inputs[1][0].eps) * scaled), _pixels(scaled)
            for index, norm in enumerate(inputs[1]):
                own = slice(index * width, (index + 1) * width)
                yield norm.weight, weights[:, own]
                yield norm.bias, biases[:, own]
        case _BatchNorm():
            yield layer.weight, _pixels(_normal(layer, features, layer.eps) * back)
    if isinstance(layer, nn.Conv2d | nn.Linear | _BatchNorm):
        yield layer.bias, _pixels(back)


def _normal(norm: _BatchNorm | JointNorm, features: Tensor, eps: float) -> Tensor:
    """Return features normalised as by a norm in evaluation mode, before its scale and shift."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    shape = (1, -1) + (1,) * (features.dim() - 2)
    return (features - norm.running_mean.view(shape)) * (norm.running_var + eps).rsqrt().view(shape)


def _pixels(values: Tensor) -> Tensor:
    """Return the sums over pixels [B, C] of [B, C, ...]."""
    return values.flatten(2).sum(2) if values.dim() > 2 else values


def _of_convolution(layer: nn.Conv2d, features: Tensor, back: Tensor) -> Tensor:
    """Return the gradients of a kernel, [B, O * I / groups * kernel]: windows of the input times output gradients."""
    assert not isinstance(layer.padding, str)
    if layer.kernel_size == layer.stride == (1, 1):
        windows = features.flatten(2)
    else:
        windows = functional.unfold(features, layer.kernel_size, layer.dilation, layer.padding, layer.stride)
    samples, groups = len(features), layer.groups
    inputs = windows.view(samples, groups, -1, windows.shape[-1])
    gradients = back.reshape(samples, groups, layer.out_channels // groups, -1)
    return (gradients @ inputs.transpose(2, 3)).flatten(1)


def _of_convolutions(
    features: Tensor, layers: Sequence[nn.Conv2d], back: Tensor
) -> Iterator[tuple[Tensor | None, Tensor]]:
    side = joint_side(layers)
    height, width = features.shape[2:]
    padded = functional.pad(features, [side // 2] * 4)
    # The same result as `unfold`, in half the time.
    shifted = [padded[:, :, top : top + height, left : left + width] for top in range(side) for left in range(side)]
    windows = torch.stack(shifted, dim=2).flatten(1, 2).flatten(2)
    shape = (features.shape[1], side, side)
    gradients = (back.flatten(2) @ windows.transpose(1, 2)).unflatten(2, shape)
    parts = gradients.split([layer.out_channels for layer in layers], dim=1)
    for layer, part in zip(layers, parts, strict=True):
        # A smaller kernel is centred in the largest.
        edge = (side - layer.kernel_size[0]) // 2
        yield layer.weight, part[..., edge : side - edge, edge : side - edge].flatten(1)
