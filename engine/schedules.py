"""Schedules in closed form: the value during epoch e is f(e), e from 0. Nothing to keep, nothing to resume."""

from __future__ import annotations

import math


def cosine(start: float, end: float, epoch: int, epochs: int) -> float:
    """Return end + (start - end) (1 + cos(pi e / E)) / 2."""
    return end + (start - end) * (1 + math.cos(math.pi * epoch / epochs)) / 2


def linear(start: float, end: float, epoch: int, epochs: int) -> float:
    """Return start + (end - start) e / E: temperatures, drop path."""
    return start + (end - start) * epoch / epochs


def linear_with_tail(start: float, epoch: int, epochs: int, tail: int = 5) -> float:
    """Return the family's linear decay to 0 on ImageNet, slower over its last epochs (baselines.md 2.2).

    start (E - 5 - e) / (E - 5) while more than 5 epochs are left, then start (E - e) / (5 (E - 5)).
    """
    left = epochs - epoch
    if left > tail:
        return start * (left - tail) / (epochs - tail)
    return start * left / (tail * (epochs - tail))


def warm_up(start: float, epoch: int, warm: int, after: float) -> float:
    """Return start (e + 1) / W during the first W epochs, and the schedule's own value ``after`` them."""
    return start * (epoch + 1) / warm if epoch < warm else after


def exponential(start: float, epoch: int, factor: float = 0.97) -> float:
    """Return start factor^e: DARTS on ImageNet."""
    return start * factor**epoch
