"""Schedules in closed form: the value during epoch e is f(e), e from 0. Nothing to keep, nothing to resume."""

from __future__ import annotations

import math


def cosine(start: float, end: float, epoch: int, epochs: int) -> float:
    """Return end + (start - end) (1 + cos(pi e / E)) / 2."""
    return end + (start - end) * (1 + math.cos(math.pi * epoch / epochs)) / 2
