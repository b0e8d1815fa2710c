"""The candidate operations of NAS-Bench-201, and the blocks around its cells.

See docs/methods/drnas.md, "NAS-Bench-201 space".
"""

from __future__ import annotations

from torch import Tensor, nn

from engine.spaces.layers import batch_norm


def build(name: str, channels: int, *, affine: bool, track_statistics: bool = True) -> nn.Module:
    """Return an operation that keeps the shape [B, channels, H, W].

    Args:
        name: one of the space's operations except ``none``, which is never built.
        channels: in and out.
        affine: whether batch norms have a scale and a shift (discrete networks) or not (supernets).
        track_statistics: whether batch norms keep running averages for evaluation.
    """
    match name:
        case "skip_connect":
            return nn.Identity()
        case "nor_conv_1x1":
            return ReluConvBn(channels, channels, 1, affine=affine, track_statistics=track_statistics)
        case "nor_conv_3x3":
            return ReluConvBn(channels, channels, 3, affine=affine, track_statistics=track_statistics)
        case "avg_pool_3x3":
            return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
        case _:
            raise ValueError(f"NAS-Bench-201 builds no operation '{name}'")


class ReluConvBn(nn.Sequential):
    """ReLU, convolution without bias, batch norm."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int,
        *,
        stride: int = 1,
        affine: bool = True,
        track_statistics: bool = True,
    ) -> None:
        super().__init__(
            nn.ReLU(),
            nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, bias=False),
            batch_norm(channels_out, affine=affine, track_statistics=track_statistics),
        )

    @property
    def convolution(self) -> nn.Conv2d:
        """The convolution, the second module."""
        layer = self[1]
        assert isinstance(layer, nn.Conv2d)
        return layer

    @property
    def norm(self) -> nn.BatchNorm2d:
        """The batch norm, the third module."""
        layer = self[2]
        assert isinstance(layer, nn.BatchNorm2d)
        return layer


class Stem(nn.Sequential):
    """3x3 convolution from colours to C channels, batch norm, no ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__(nn.Conv2d(3, channels, 3, padding=1, bias=False), batch_norm(channels))


class ResidualReduction(nn.Module):
    """Halves the side and doubles the channels: two (ReLU, 3x3, BN) plus a pooled 1x1 shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            ReluConvBn(channels, 2 * channels, 3, stride=2), ReluConvBn(2 * channels, 2 * channels, 3)
        )
        # Odd sides lose their last pixel in a pool but not in the padded convolution: ceil_mode makes the sizes equal.
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(2, stride=2, ceil_mode=True, count_include_pad=False),
            nn.Conv2d(channels, 2 * channels, 1, bias=False),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return [B, 2C, H/2, W/2] of [B, C, H, W]."""
        total: Tensor = self.body(features) + self.shortcut(features)
        return total
