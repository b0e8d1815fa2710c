"""Curves, bands and levels, as charts draw them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Series:
    """One curve: (epoch, value) pairs, all finite.

    Attributes:
        dots: the points are on their own, and no line joins them.
        letter: stands on the curve every few columns; curves with letters are whole lines, all of them.
    """

    name: str
    points: tuple[tuple[float, float], ...]
    dots: bool = False
    letter: str = ""


@dataclass(frozen=True)
class Band:
    """What lies between two curves: (epoch, low, high), all finite."""

    name: str
    points: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class Level:
    """A value to compare with, drawn across."""

    name: str
    value: float


@dataclass(frozen=True)
class Curves:
    """Curves of one unit over the epochs of a run.

    Attributes:
        series: the one that decides first.
        epochs: how many there will be; 0 where nobody knows.
        cursor: the epoch to mark.
        log: the axis of values has a decade a step; what is not positive is left out.
    """

    title: str
    unit: str
    series: tuple[Series, ...]
    epochs: int
    cursor: float | None = None
    log: bool = False
    bands: tuple[Band, ...] = ()
    levels: tuple[Level, ...] = ()
