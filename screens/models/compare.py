"""Compared runs, and what the Compare screen shows of them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from runs.benchmarks.published import Reference
from runs.log.events import EpochEnded
from runs.store.run_store import Record
from runs.store.status import Status


@dataclass(frozen=True)
class ComparedRun:
    """A run as it was at one look.

    Attributes:
        gone: why it cannot be read any more; empty where it can.
        unknown, restarts: events of a newer version, and how often the log began anew.
        notes: what is odd about its log, in sentences.
    """

    record: Record
    epochs: tuple[EpochEnded, ...] = ()
    gone: str = ""
    unknown: int = 0
    restarts: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Comparison:
    """Several runs as they were at one look.

    Attributes:
        content: what ``nastui runs compare --json`` prints.
        references: what papers print for the runs' spaces and data sets.
        problems: sentences on runs that cannot be read.
    """

    runs: tuple[ComparedRun, ...] = ()
    content: dict[str, Any] = dataclasses.field(default_factory=dict)
    references: tuple[Reference, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunLine:
    """A run in the list above the curves.

    Attributes:
        status: None where the run can no longer be read.
        value: of the chosen metric at the chosen epoch, in words.
        best: the best value of that metric, in words.
    """

    letter: str
    place: int
    id: str
    title: str
    status: Status | None
    epoch: str
    value: str
    best: str


@dataclass(frozen=True)
class Grid:
    """A table in words.

    Attributes:
        columns: its head; a letter of a run stands in the run's colour.
        note: a sentence above it, or in place of rows.
    """

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    note: str = ""
