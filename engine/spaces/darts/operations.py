"""The operations of DARTS-like cells as modules, built from their descriptions in :mod:`runs.genotypes.operations`."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.spaces.layers import Rectified, batch_norm
from runs.genotypes.operations import Dense, Factored, Pool, Separable, Skip, Zero, operation


def build(name: str, channels: int, stride: int, *, affine: bool, track_statistics: bool = True) -> nn.Module:
    """Return an operation that maps [B, C, H, W] to [B, C, ceil(H / stride), ceil(W / stride)].

    Args:
        name: in either vocabulary of :func:`runs.genotypes.operations.operation`.
        channels: C, in and out.
        stride: 1 or 2.
        affine: whether batch norms have a scale and a shift.
        track_statistics: whether batch norms keep running averages for evaluation.

    Raises:
        UsageError: unknown name.
    """
    norms = {"affine": affine, "track_statistics": track_statistics}
    match of := operation(name):
        case Zero():
            return Zeros(stride)
        case Skip() if stride == 1:
            return nn.Identity()
        case Skip():
            return FactorizedReduce(channels, channels, **norms)
        case Pool(statistic="max"):
            return nn.MaxPool2d(of.kernel, stride, of.kernel // 2)
        case Pool():
            return nn.AvgPool2d(of.kernel, stride, of.kernel // 2, count_include_pad=False)
        case Dense():
            return ReluConvBn(channels, channels, of.kernel, stride=stride, **norms)
        case Factored():
            half = of.kernel // 2
            along = nn.Conv2d(channels, channels, (1, of.kernel), (1, stride), (0, half), bias=False)
            across = nn.Conv2d(channels, channels, (of.kernel, 1), (stride, 1), (half, 0), bias=False)
            return Rectified(nn.Sequential(along, across, batch_norm(channels, **norms)))
        case Separable():
            return Rectified(nn.Sequential(*_stages(of, channels, stride, norms)))
        case _:
            raise NotImplementedError(f"no module for {of}")


def build_normed(name: str, channels: int, stride: int, *, affine: bool, norms: str) -> nn.Module:
    """Return an operation as networks use it, with a batch norm after operations without weights.

    Args:
        name, channels, stride, affine: as for :func:`build`.
        norms: which operations a batch norm follows, see :data:`runs.genotypes.cell_networks.NORMS`.
    """
    built = build(name, channels, stride, affine=affine)
    of = operation(name)
    weightless = isinstance(of, Pool) or (norms == "all" and isinstance(of, Skip) and stride == 1)
    if norms == "plain" or not weightless:
        return built
    return nn.Sequential(built, batch_norm(channels, affine=norms != "pool"))


class Zeros(nn.Module):
    """``none``: zeros in the shape of the other operations' outputs."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, features: Tensor) -> Tensor:
        """Return zeros [B, C, ceil(H / stride), ceil(W / stride)]."""
        # Not a multiplication by zero, so that an infinite feature cannot enter the sum.
        return torch.zeros_like(features[:, :, :: self.stride, :: self.stride])


class ReluConvBn(Rectified):
    """ReLU, convolution without bias, batch norm."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int = 1,
        *,
        stride: int = 1,
        affine: bool = True,
        track_statistics: bool = True,
    ) -> None:
        convolution = nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, bias=False)
        norm = batch_norm(channels_out, affine=affine, track_statistics=track_statistics)
        super().__init__(nn.Sequential(convolution, norm))


class FactorizedReduce(Rectified):
    """ReLU, two 1x1 convolutions of stride 2 side by side, the second on the image shifted by a pixel, batch norm."""

    def __init__(
        self, channels_in: int, channels_out: int, *, affine: bool = True, track_statistics: bool = True
    ) -> None:
        norm = batch_norm(channels_out, affine=affine, track_statistics=track_statistics)
        super().__init__(nn.Sequential(Halves(channels_in, channels_out), norm))


class Halves(nn.Module):
    """Two 1x1 convolutions of stride 2 side by side, the second on the features shifted by a pixel both ways."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.unshifted = nn.Conv2d(channels_in, channels_out // 2, 1, bias=False)
        self.shifted = nn.Conv2d(channels_in, channels_out - channels_out // 2, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Return [B, channels_out, ceil(H / 2), ceil(W / 2)] of [B, channels_in, H, W]."""
        # Every second pixel is taken before the convolution: the CPU library's own strided 1x1 convolution writes out
        # of bounds if there are only a few channels.
        even, odd = features[:, :, ::2, ::2], features[:, :, 1::2, 1::2]
        height, width = features.shape[2:]
        if height % 2 or width % 2:
            # Odd sides get a row or column of zeros at the end, so that both halves are equally large.
            odd = functional.pad(odd, (0, width % 2, 0, height % 2))
        return torch.cat([self.unshifted(even), self.shifted(odd)], dim=1)


def _stages(of: Separable, channels: int, stride: int, norms: dict[str, bool]) -> Iterator[nn.Module]:
    widths = of.widths(channels)
    for stage, dilation in enumerate(of.dilations):
        wide, narrow = widths[stage : stage + 2]
        if stage:
            # In place: the backward pass of a batch norm needs its input, not its output.
            yield nn.ReLU(inplace=True)
        padding = dilation * (of.kernel - 1) // 2
        yield nn.Conv2d(wide, wide, of.kernel, stride if not stage else 1, padding, dilation, groups=wide, bias=False)
        yield nn.Conv2d(wide, narrow, 1, bias=False)
        yield batch_norm(narrow, **norms)
