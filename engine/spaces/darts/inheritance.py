"""What a morphed convolution inherits from the convolution that it was made from (PR-DARTS).

See docs/methods/prdarts.md, "Weight inheritance".

Only ``k+`` and ``widen`` keep the function; the other morphisms keep the weights as far as they fit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

# Depthwise convolution, 1x1 convolution, batch norm.
Stage = tuple[nn.Conv2d, nn.Conv2d, nn.BatchNorm2d]


@torch.no_grad()
def inherit(child: nn.Module, parent: nn.Module, morphism: str, generator: torch.Generator) -> None:
    """Copy to a child what it inherits from its parent; all its weights and statistics are set.

    Args:
        child, parent: the layers of two stacks of separable convolutions, as an edge of the supernet holds them; one
            morphism turns the parent's name into the child's.
        morphism: ``k+``, ``k-``, ``d+``, ``d-``, ``insert`` or ``widen``.
        generator: draws the weights of new channels, on the CPU.
    """
    _MORPHISMS[morphism](_stages(child), _stages(parent), generator)


def _resized(child: Sequence[Stage], parent: Sequence[Stage], _: torch.Generator) -> None:
    """Resize the depthwise kernels: pad a smaller one with zeros, or take the centre of a larger one; keep the rest."""
    for new, old in zip(child, parent, strict=True):
        border = (new[0].kernel_size[0] - old[0].kernel_size[0]) // 2
        new[0].weight.copy_(functional.pad(old[0].weight, (border,) * 4))
        new[1].weight.copy_(old[1].weight)
        _copy_norm(new[2], old[2])


def _inserted(child: Sequence[Stage], parent: Sequence[Stage], generator: torch.Generator) -> None:
    """Make the new last stage an identity, apart from its ReLU and its batch norm."""
    *first, (depthwise, pointwise, norm) = child
    _resized(first, parent, generator)
    depthwise.weight.zero_()
    centre = depthwise.kernel_size[0] // 2
    depthwise.weight[:, :, centre, centre] = 1
    pointwise.weight.zero_()
    pointwise.weight.diagonal().fill_(1)
    for name, values in norm.state_dict().items():
        values.fill_(1 if name in {"running_var", "weight"} else 0)


def _widened(child: Sequence[Stage], parent: Sequence[Stage], generator: torch.Generator) -> None:
    """Draw the new channels between two stages, and give the second stage zero weights for them."""
    for new, old in zip(child, parent, strict=True):
        cut, inputs = old[1].weight.shape[:2]
        new[0].weight[:inputs] = old[0].weight
        new[1].weight[:cut, :inputs] = old[1].weight
        _copy_norm(new[2], old[2])
        if new[0].in_channels > inputs:
            _draw(new[0].weight[inputs:], generator)
            new[1].weight[:, inputs:] = 0
        if new[1].out_channels > cut:
            _draw(new[1].weight[cut:], generator)


_MORPHISMS: dict[str, Callable[[Sequence[Stage], Sequence[Stage], torch.Generator], None]] = {
    "k+": _resized,
    "k-": _resized,
    "d+": _resized,
    "d-": _resized,
    "insert": _inserted,
    "widen": _widened,
}


def _stages(layers: nn.Module) -> list[Stage]:
    parts = [layer for layer in layers.children() if not isinstance(layer, nn.ReLU)]
    stages = []
    for depthwise, pointwise, norm in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        assert isinstance(depthwise, nn.Conv2d)
        assert isinstance(pointwise, nn.Conv2d)
        assert isinstance(norm, nn.BatchNorm2d)
        stages.append((depthwise, pointwise, norm))
    return stages


def _copy_norm(new: nn.BatchNorm2d, old: nn.BatchNorm2d) -> None:
    """Copy a batch norm into a wider one. Further channels have mean 0, variance 1 and, if affine, a scale of 0."""
    before = old.state_dict()
    for name, values in new.state_dict().items():
        values[: old.num_features] = before[name]
        values[old.num_features :] = 1 if name == "running_var" else 0


def _draw(block: Tensor, generator: torch.Generator) -> None:
    """Fill a block of a kernel with Xavier-normal noise, using only the block's fan-in and fan-out."""
    drawn = torch.empty(block.shape, dtype=block.dtype)
    block.copy_(nn.init.xavier_normal_(drawn, generator=generator))
