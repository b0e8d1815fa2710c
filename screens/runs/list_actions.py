"""Filtering, sorting and folding the list of runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from runs.store.groups import sweep_of
from screens.actions.screen_actions import ScreenActions
from screens.models.run_columns import COLUMNS, Column
from screens.runs.first_start import FirstStartHint
from screens.runs.run_list import RunList
from screens.widgets.filter_line import FilterLine


class ListActions(ScreenActions):
    """What is shown of the list, and in which order.

    Args:
        runs: the list.
        filter_line: where its filter is typed.
        hint: what escape hides last.
        read: reads the store in the background.
    """

    def __init__(
        self, runs: RunList, filter_line: FilterLine, hint: FirstStartHint, read: Callable[[], object]
    ) -> None:
        self._runs, self._filter, self._hint, self._read = runs, filter_line, hint, read

    def has_effect(self, action: str) -> bool:
        """Return whether there is anything to filter, to fold or to clear."""
        runs = self._runs
        match action:
            case "fold" | "filter":
                return bool(runs.records)
            case "clear":
                return self._filter.typing or bool(runs.options.filter or runs.table.marked or self._hint.shown)
        return True

    def action_filter(self) -> None:
        """Start typing a filter."""
        self._filter.ask()

    def action_leave_filter(self) -> None:
        """Go back to the table and keep the filter."""
        self._filter.leave()

    def action_clear(self) -> None:
        """Clear the filter; if there is none, the marks; if there are none, the hint of a first start."""
        if self._filter.clear():
            return
        if self._runs.table.marked:
            self._runs.unmark(self._runs.records)
        elif self._hint.shown:
            self._hint.dismiss()

    def action_fold(self) -> None:
        """Fold sweeps into one row each, or runs that differ only in their seed, or nothing."""
        runs = self._runs
        folded = runs.options.folded.next(sweeps=any(map(sweep_of, runs.records)))
        # Shown only once it is read again: all rows change, and the widths of the columns with them.
        runs.options = dataclasses.replace(runs.options, folded=folded, unfolded=frozenset())
        self._read()

    def unfold(self, group: str) -> None:
        """Show the runs of a group below it, or hide them again."""
        self._runs.change(unfolded=self._runs.options.unfolded ^ {group})

    def action_sort(self, step: int) -> None:
        """Sort by another column."""
        by = self._runs.options.by
        shown = [column for column in COLUMNS if column.title in self._runs.read.widths]
        index = shown.index(by) if by in shown else -1
        self._runs.change(by=shown[(index + step) % len(shown)], backwards=False)

    def sort_by(self, column: Column) -> None:
        """Sort by a column; if the list is sorted by it already, reverse the order."""
        options = self._runs.options
        self._runs.change(by=column, backwards=column is options.by and not options.backwards)

    def action_reverse(self) -> None:
        """Reverse the order."""
        self._runs.change(backwards=not self._runs.options.backwards)
