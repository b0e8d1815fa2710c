"""Destinations: messages that screens post, and that the app's navigation answers by opening a screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from textual.message import Message
from textual.screen import Screen

from runs.genotypes.genotype import Genotype
from runs.store.find_genotype import Found


class Destination(Message):
    """A screen to open.

    Attributes:
        origin: the screen that asks, filled in on the way; it is not opened if another one has come in front meanwhile.
    """

    origin: Screen[Any] | None = None


@dataclass
class OpenRun(Destination):
    """Open a run.

    Attributes:
        run_id: its id, or a unique prefix.
        instead: whether the new screen replaces the current one, which is closed.
    """

    run_id: str
    instead: bool = False


@dataclass
class OpenSweep(Destination):
    """Open a sweep.

    Attributes:
        sweep: its id.
        instead: whether the new screen replaces the current one, which is closed.
    """

    sweep: str
    instead: bool = False


@dataclass
class OpenQueue(Destination):
    """Open the queue."""


@dataclass
class OpenNewRun(Destination):
    """Open the form of a new run with a preset selected."""

    preset: str


@dataclass
class OpenRetrain(Destination):
    """Open the form that retrains a genotype."""

    found: Found


@dataclass
class OpenComparison(Destination):
    """Compare several runs."""

    run_ids: Sequence[str]


@dataclass
class OpenGenotypes(Destination):
    """Open the library of published and found genotypes."""


@dataclass
class OpenCells(Destination):
    """Show the cells of several genotypes side by side, as (title, genotype) pairs."""

    genotypes: Sequence[tuple[str, Genotype]]
