"""Schedules in closed form: the value during epoch e, from 0, is f(e). They have no state."""

from __future__ import annotations

import math


def cosine(start: float, end: float, epoch: int, epochs: int) -> float:
    """Return end + (start - end) (1 + cos(pi e / E)) / 2."""
    return end + (start - end) * (1 + math.cos(math.pi * epoch / epochs)) / 2


def linear(start: float, end: float, epoch: int, epochs: int) -> float:
    """Return start + (end - start) e / E: temperatures, drop path."""
    return start + (end - start) * epoch / epochs


def linear_with_tail(start: float, epoch: int, epochs: int, tail: int = 5) -> float:
    """Return the linear decay to 0 that DARTS-like methods use on ImageNet, slower at the end.

    See docs/methods/baselines.md, "Training recipes".

    start (E - 5 - e) / (E - 5) while more than 5 epochs are left, then start (E - e) / (5 (E - 5)).
    """
    left = epochs - epoch
    if left > tail:
        return start * (left - tail) / (epochs - tail)
    return start * left / (tail * (epochs - tail))


def warm_up(start: float, epoch: int, warm: int, after: float) -> float:
    """Return start (e + 1) / W during the first W epochs, and then ``after``, the value of the schedule itself."""
    return start * (epoch + 1) / warm if epoch < warm else after


def exponential(start: float, epoch: int, factor: float = 0.97) -> float:
    """Return start factor^e, as in DARTS on ImageNet."""
    return start * factor**epoch


def power_cosine(start: float, end: float, epoch: int, epochs: int, *, power: float, warm: int = 0) -> float:
    """Return cosine power annealing (sharpDARTS): end + (start - end) y, y in 0..1.

    See docs/methods/baselines.md, "sharpDARTS".

    After W epochs of warm-up, y is p^(x + 1) rescaled to 0..1, with x = (1 + cos(pi n / N)) / 2, n = e - W + 1 and
    N = E - W; p = 1 is the cosine. The warm-up rises by y = (e + 1) / (W + 1), and reaches 1 in the epoch after it.
    """
    if epoch <= warm:
        return end + (start - end) * (epoch + 1) / (warm + 1)

    def height(number: int) -> float:
        share = (1 + math.cos(math.pi * number / (epochs - warm))) / 2
        return share if power == 1 else power ** (share + 1)

    # With a warm-up, y = 1 at n = 0, which falls within the warm-up; without one, y = 1 at n = 1.
    top, bottom = height(0 if warm else 1), height(epochs - warm)
    return end + (start - end) * (height(epoch - warm + 1) - bottom) / (top - bottom)
