"""Which runs the Runs screen shows, in which order, and what it has read from the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from textual.message import Message

from runs.fleet.queueing import Wait
from runs.store.filter import EVERYTHING, RunFilter, Texts
from runs.store.groups import Group, grouped, sweep_of
from runs.store.record import Record
from runs.store.status import Status
from screens.models.run_columns import BY_TITLE, Column, Row, WantedWidths, arranged, runs_of


class Folding(StrEnum):
    """Which runs share a row."""

    SWEEPS = "sweeps"
    SEEDS = "seeds"
    NOTHING = "nothing"

    def next(self, *, sweeps: bool) -> Folding:
        """Return the next one; without sweeps, those alone make no difference."""
        order = list(Folding) if sweeps else [Folding.SWEEPS, Folding.SEEDS]
        return order[(order.index(self) + 1) % len(order)] if self in order else order[0]


class GroupsOfAll:
    """The groups of all runs, with what they have counted, kept until the runs or the folding change."""

    def __init__(self) -> None:
        self._made: tuple[Sequence[Record], Folding, list[Group]] | None = None

    def of(self, records: Sequence[Record], folded: Folding) -> list[Group]:
        """Return the groups of all runs of the store."""
        made = self._made
        if made is None or made[0] is not records or made[1] is not folded:
            self._made = made = (records, folded, _grouped(records, folded))
        return made[2]


def _grouped(records: Sequence[Record], folded: Folding) -> list[Group]:
    return grouped(records, sweep_of if folded is Folding.SWEEPS else None)


@dataclass(frozen=True)
class RunListOptions:
    """Which runs are shown, and in which order.

    Attributes:
        folded: which runs share a row.
        unfolded: the ids of groups whose runs are shown below them nevertheless.
    """

    filter: RunFilter = EVERYTHING
    by: Column = BY_TITLE["age"]
    backwards: bool = False
    folded: Folding = Folding.SWEEPS
    unfolded: frozenset[str] = frozenset()

    def rows(self, records: Sequence[Record], texts: Texts, groups_of_all: GroupsOfAll) -> list[Row]:
        """Return the rows of the runs that pass the filter, in order.

        Args:
            records: all runs of the store.
            texts: the cache of their texts.
            groups_of_all: the cache of their groups.
        """
        passed = [record for record in records if self.filter.matches(record, texts)] if self.filter else records
        if self.folded is Folding.NOTHING:
            return [*arranged(passed, self.by, backwards=self.backwards)]
        groups = groups_of_all.of(records, self.folded) if passed is records else _grouped(passed, self.folded)
        rows = [group if len(group.members) > 1 else group.members[0] for group in groups]
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
        waits: the place of each run that waits in the queue.
        in_slurm: the number of runs that wait for Slurm.
        is_first: whether the store is empty and its home has not yet dismissed the hint of a first start.
    """

    records: list[Record]
    widths: WantedWidths
    options: RunListOptions
    rows: list[Row]
    statuses: Counter[Status]
    unreadable: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    rest: float = 0.0
    waits: Mapping[str, Wait] = field(default_factory=dict)
    in_slurm: int = 0
    is_first: bool = False


@dataclass
class StoreUnchanged(Message):
    """The runs are as they were last read; what they wait for may have changed."""

    waits: Mapping[str, Wait] = field(default_factory=dict)
