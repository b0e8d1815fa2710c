"""The operations of DARTS-like cells as data. Their costs and modules are computed from it.

Two vocabularies name the same operations: that of DARTS and its descendants (``sep_conv_3x3``) and the compact one of
PR-DARTS (``c3m1``). Names with equal :class:`Operation` compute the same.
"""

from __future__ import annotations

import functools
import itertools
import re
from dataclasses import dataclass

from runs.errors import UsageError, closest


@dataclass(frozen=True, slots=True)
class Operation:
    """Base of all operations. They map [B, C, H, W] to [B, C, ceil(H / stride), ceil(W / stride)]."""


@dataclass(frozen=True, slots=True)
class Zero(Operation):
    """``none``: zeros."""


@dataclass(frozen=True, slots=True)
class Skip(Operation):
    """``skip_connect``: the identity; with stride 2 a factorized reduction."""


@dataclass(frozen=True, slots=True)
class Pool(Operation):
    """Maximum (``max``) or average (``avg``) over ``kernel`` x ``kernel``, padded; averages exclude the padding."""

    statistic: str
    kernel: int


@dataclass(frozen=True, slots=True)
class Separable(Operation):
    """Stages of (ReLU, depthwise convolution, 1x1 convolution, batch norm); the first stage has the stride.

    Attributes:
        kernel: side of every depthwise kernel.
        dilations: dilation of the depthwise convolution of each stage.
        multipliers: width between the stages as a multiple of C, one fewer than stages; the last stage ends at C.
        choke: fixed width between the stages in channels, whatever C is; it replaces the multipliers.
    """

    kernel: int
    dilations: tuple[int, ...]
    multipliers: tuple[int, ...] = ()
    choke: int | None = None

    def widths(self, channels: int) -> tuple[int, ...]:
        """Return the channels before the first stage and after each."""
        inner = (self.choke,) if self.choke else tuple(channels * multiplier for multiplier in self.multipliers)
        return channels, *inner, channels


@dataclass(frozen=True, slots=True)
class Factored(Operation):
    """ReLU, 1 x ``kernel`` convolution (stride along the row), ``kernel`` x 1 (along the column), batch norm."""

    kernel: int


@dataclass(frozen=True, slots=True)
class Dense(Operation):
    """ReLU, full ``kernel`` x ``kernel`` convolution, batch norm."""

    kernel: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What an operation, or a part of a network, costs for one image.

    Attributes:
        parameters: trainable.
        macs: multiply-accumulates of convolutions and linear layers.
        norms, relus: output values of batch norms and of ReLUs, which some papers count too.
    """

    parameters: int = 0
    macs: int = 0
    norms: int = 0
    relus: int = 0

    def __add__(self, other: Cost) -> Cost:
        """Return the sum of both costs."""
        return Cost(
            self.parameters + other.parameters,
            self.macs + other.macs,
            self.norms + other.norms,
            self.relus + other.relus,
        )


NOTHING = Cost()
# Fixed names come first, so that suggestions for a misspelt name are common operations.
_FIXED: dict[str, Operation] = {
    "none": Zero(),
    "skip_connect": Skip(),
    "skip": Skip(),
    "conv_7x1_1x7": Factored(7),
    "conv_3x1_1x3": Factored(3),
    "c1x7": Factored(7),
}
_SQUARE = re.compile(
    r"(max_pool|avg_pool|sep_conv|dil_conv|conv|flood_conv|choke_conv|sharp_dil_conv|dil_flood_conv|dil_choke_conv)"
    r"[_ ]([1-9][0-9]?)x\2"
)
_COMPACT_POOL = re.compile(r"(max|avg)([1-9][0-9]?)")
_COMPACT = re.compile(r"c([1-9][0-9]?)(?:d([2-9]|[1-9][0-9]))?(?:m([1-9][0-9]?(?:\.[1-9][0-9]?)*))?")
USUAL = (
    "none",
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "sep_conv_7x7",
    "dil_conv_3x3",
    "dil_conv_5x5",
    "conv_1x1",
    "conv_3x3",
    "conv_7x1_1x7",
    "conv_3x1_1x3",
    "max3",
    "avg3",
    "skip",
    "c3",
    "c3m1",
    "c3d2",
    "c5",
    "c5m1",
    "c5d2",
    "c7m1",
    "c1x7",
)


@functools.cache
def operation(name: str) -> Operation:
    """Return the operation with a name.

    Raises:
        UsageError: unknown name; the closest common names are suggested.
    """
    if name in _FIXED:
        return _FIXED[name]
    if match := _SQUARE.fullmatch(name):
        kernel = int(match[2])
        if kernel % 2 and (found := _square(match[1], kernel)) is not None:
            return found
    if (match := _COMPACT_POOL.fullmatch(name)) and int(match[2]) % 2:
        return Pool(match[1], int(match[2]))
    if (match := _COMPACT.fullmatch(name)) and int(match[1]) % 2:
        multipliers = tuple(int(part) for part in match[3].split(".")) if match[3] else ()
        dilation = int(match[2] or 1)
        return Separable(int(match[1]), (dilation,) * (len(multipliers) + 1), multipliers)
    raise UsageError(f"Unknown operation '{name[:80]}'.", closest(name, USUAL))


def cost(of: Operation, channels: int, size: int, stride: int = 1, *, affine: bool = True) -> Cost:
    """Return the cost of an operation on a square map of side ``size``, in closed form.

    Args:
        of: the operation.
        channels: C, the number of input and output channels.
        size: side of its input.
        stride: 1 or 2.
        affine: whether batch norms have a scale and a shift.
    """
    after = out_size(size, stride)
    match of:
        case Skip() if stride > 1:
            return reduction(channels, channels, size, affine=affine)
        case Separable():
            total = NOTHING
            widths, before = of.widths(channels), size
            for wide, narrow in itertools.pairwise(widths):
                weights = wide * of.kernel**2 + wide * narrow
                total += Cost(weights, weights * after**2, relus=wide * before**2) + norm(narrow, after, affine=affine)
                before = after
            return total
        case Factored():
            weights = of.kernel * channels**2
            total = Cost(2 * weights, weights * (size * after + after**2), relus=channels * size**2)
            return total + norm(channels, after, affine=affine)
        case Dense():
            return relu_convolution(channels, channels, size, kernel=of.kernel, stride=stride, affine=affine)
    return NOTHING


def out_size(size: int, stride: int) -> int:
    """Return the side of a map after an operation with this stride."""
    return -(-size // stride)


def norm(channels: int, size: int, *, affine: bool = True) -> Cost:
    """Return the cost of a batch norm."""
    return Cost(parameters=2 * channels if affine else 0, norms=channels * size**2)


def relu_convolution(
    channels_in: int, channels_out: int, size: int, *, kernel: int = 1, stride: int = 1, affine: bool = True
) -> Cost:
    """Return the cost of ReLU, convolution and batch norm."""
    weights, after = channels_in * channels_out * kernel**2, out_size(size, stride)
    return Cost(weights, weights * after**2, relus=channels_in * size**2) + norm(channels_out, after, affine=affine)


def reduction(channels_in: int, channels_out: int, size: int, *, affine: bool = True) -> Cost:
    """Return the cost of a factorized reduction: two 1x1 convolutions of stride 2 side by side."""
    return relu_convolution(channels_in, channels_out, size, stride=2, affine=affine)


def _square(family: str, kernel: int) -> Operation | None:
    match family:
        case "max_pool" | "avg_pool":
            return Pool(family[:3], kernel)
        case "conv":
            return Dense(kernel)
        case "sep_conv":
            return Separable(kernel, (1, 1), (1,))
        case "dil_conv":
            return Separable(kernel, (2,))
        # SharpSepConv (docs/methods/baselines.md, "sharpDARTS") always has two stages, the second without dilation.
        case "sharp_dil_conv":
            return Separable(kernel, (2, 1), (1,))
        case "flood_conv":
            return Separable(kernel, (1, 1), (4,))
        case "dil_flood_conv":
            return Separable(kernel, (2, 1), (4,))
        case "choke_conv":
            return Separable(kernel, (1, 1), choke=32)
        case "dil_choke_conv":
            return Separable(kernel, (2, 1), choke=32)
    return None
