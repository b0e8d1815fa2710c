"""Which runs the Runs screen shows, in which order, and what it has read from the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from textual.message import Message

from runs.store.filter import EVERYTHING, RunFilter, Texts
from runs.store.groups import grouped
from runs.store.run_store import Record
from runs.store.status import Status
from screens.models.run_columns import BY_TITLE, Column, Row, WantedWidths, arranged, runs_of


@dataclass(frozen=True)
class RunListOptions:
    """Which runs are shown, and in which order.

    Attributes:
        folded: runs that differ only in their seed share a row.
        unfolded: the ids of groups whose runs are shown below them nevertheless.
    """

    filter: RunFilter = EVERYTHING
    by: Column = BY_TITLE["age"]
    backwards: bool = False
    folded: bool = False
    unfolded: frozenset[str] = frozenset()

    def rows(self, records: Sequence[Record], texts: Texts) -> list[Row]:
        """Return the rows of the runs that pass the filter, in order."""
        passed = [record for record in records if self.filter.matches(record, texts)] if self.filter else records
        if not self.folded:
            return [*arranged(passed, self.by, backwards=self.backwards)]
        rows = [group if len(group.members) > 1 else group.members[0] for group in grouped(passed)]
        shown: list[Row] = []
        for row in arranged(rows, self.by, backwards=self.backwards):
            shown.append(row)
            if row.id in self.unfolded:
                shown += arranged(runs_of(row), self.by, backwards=self.backwards)
        return shown


@dataclass
class StoreRead(Message):
    """What was read from the store.

    Attributes:
        options: what the rows were made for.
        statuses: the number of runs by status.
        unreadable: by name of the directory, why it cannot be read.
        problem: why the store could not be read.
        rest: the seconds until the store may be read again.
    """

    records: list[Record]
    widths: WantedWidths
    options: RunListOptions
    rows: list[Row]
    statuses: Counter[Status]
    unreadable: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    rest: float = 0.0


class StoreUnchanged(Message):
    """The store is as it was last read."""
