"""Compared runs, and the view models of the Compare screen."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from runs.benchmarks.published import Reference
from runs.log.events import EpochEnded
from runs.store.record import Record
from runs.store.status import Status


@dataclass(frozen=True)
class ComparedRun:
    """A run as it was last read.

    Attributes:
        gone: why it can no longer be read; empty if it can.
        unknown, restarts: the number of events of a newer version, and of restarts of the log.
        notes: irregularities of its log, in sentences.
    """

    record: Record
    epochs: tuple[EpochEnded, ...] = ()
    gone: str = ""
    unknown: int = 0
    restarts: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Comparison:
    """Several runs as they were last read.

    Attributes:
        content: what ``nastui runs compare --json`` prints.
        references: the results of papers for the spaces and data sets of the runs.
        problems: sentences about runs that cannot be read.
    """

    runs: tuple[ComparedRun, ...] = ()
    content: dict[str, Any] = dataclasses.field(default_factory=dict)
    references: tuple[Reference, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunLine:
    """A run in the list above the curves.

    Attributes:
        status: None if the run can no longer be read.
        value: the selected metric at the selected epoch, as text.
        best: the best value of that metric, as text.
    """

    letter: str
    index: int
    id: str
    title: str
    status: Status | None
    epoch: str
    value: str
    best: str


@dataclass(frozen=True)
class Grid:
    """A table of text.

    Attributes:
        columns: its header; the letter of a run has the run's colour.
        note: a sentence above the table, or instead of rows.
    """

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    note: str = ""
