"""Curves, bands and levels, as charts draw them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Series:
    """One curve: (epoch, value) pairs, all finite.

    Attributes:
        dots: whether the points are drawn on their own, without a line between them.
        letter: marks the curve every few columns; every curve with a letter is drawn as a line.
    """

    name: str
    points: tuple[tuple[float, float], ...]
    dots: bool = False
    letter: str = ""


@dataclass(frozen=True)
class Band:
    """The band between two curves: (epoch, low, high), all finite."""

    name: str
    points: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class Level:
    """A value to compare with, drawn as a horizontal line."""

    name: str
    value: float


@dataclass(frozen=True)
class Curves:
    """Curves of one unit over the epochs of a run.

    Attributes:
        series: the most important one first.
        epochs: the planned number of epochs; 0 if unknown.
        cursor: the epoch to mark.
        has_epochs: whether an epoch is complete, so that curves without points are not only missing yet.
        log: whether the axis of values is logarithmic; values that are not positive are then left out.
    """

    title: str
    unit: str
    series: tuple[Series, ...]
    epochs: int
    cursor: float | None = None
    log: bool = False
    bands: tuple[Band, ...] = ()
    levels: tuple[Level, ...] = ()
    has_epochs: bool = False
