"""The rows of the Runs screen: which runs are shown, in which order, and which of them share a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from runs.store.filter import EVERYTHING, RunFilter, Texts
from runs.store.groups import Group, grouped, sweep_of
from runs.store.record import Record
from screens.models.run_columns import BY_TITLE, Column, Row, arranged, runs_of


class Folding(StrEnum):
    """Which runs share a row."""

    SWEEPS = "sweeps"
    SEEDS = "seeds"
    NOTHING = "nothing"

    def next(self, *, sweeps: bool) -> Folding:
        """Return the next one; without sweeps, those alone make no difference."""
        order = list(Folding) if sweeps else [Folding.SWEEPS, Folding.SEEDS]
        return order[(order.index(self) + 1) % len(order)] if self in order else order[0]


@dataclass(frozen=True)
class RowOptions:
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


class RowMaker:
    """Makes rows. What takes long to make is kept: the texts of runs, and the groups of all runs."""

    def __init__(self) -> None:
        self._texts = Texts()
        self._groups: tuple[Sequence[Record], Folding, list[Group]] | None = None

    def read_texts(self, records: Sequence[Record]) -> None:
        """Make the texts of runs, so that the first letter of a filter need not wait for them."""
        for record in records:
            self._texts.of(record)

    def rows(self, records: Sequence[Record], options: RowOptions) -> list[Row]:
        """Return the rows of the runs that pass the filter, in order; it may be called in several threads.

        Args:
            records: all runs of the store.
            options: which of them to show.
        """
        passed = records
        if options.filter:
            passed = [record for record in records if options.filter.matches(record, self._texts)]
        if options.folded is Folding.NOTHING:
            return [*arranged(passed, options.by, backwards=options.backwards)]
        groups = self._groups_of_all(records, options.folded) if passed is records else _grouped(passed, options.folded)
        rows = [group if len(group.members) > 1 else group.members[0] for group in groups]
        shown: list[Row] = []
        for row in arranged(rows, options.by, backwards=options.backwards):
            shown.append(row)
            if row.id in options.unfolded:
                shown += arranged(runs_of(row), options.by, backwards=options.backwards)
        return shown

    def _groups_of_all(self, records: Sequence[Record], folded: Folding) -> list[Group]:
        made = self._groups
        if made is None or made[0] is not records or made[1] is not folded:
            self._groups = made = (records, folded, _grouped(records, folded))
        return made[2]


def _grouped(records: Sequence[Record], folded: Folding) -> list[Group]:
    return grouped(records, sweep_of if folded is Folding.SWEEPS else None)
