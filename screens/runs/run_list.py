"""The list of the Runs screen: the runs as last read, which of them are shown, and which of them a key acts on."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any

from runs.store.groups import Group
from runs.store.record import Record
from screens.models.run_columns import Row, runs_of
from screens.runs.reader import StoreRead, Waits
from screens.runs.rows import RowMaker, RowOptions
from screens.widgets.run_table import RunTable


class RunList:
    """The runs, shown in a table.

    Args:
        table: shows them.
        rows: makes the rows.
        shown: called after the table shows something else.

    Attributes:
        read: what was read last.
        has_read: whether anything was read.
        options: which runs are shown, and in which order.
    """

    def __init__(self, table: RunTable, rows: RowMaker, shown: Callable[[], object]) -> None:
        self.table = table
        self._rows, self._shown = rows, shown
        self.read, self.has_read = StoreRead(), False
        self.options = RowOptions()

    @property
    def records(self) -> list[Record]:
        """Every run of the store."""
        return self.read.records

    @property
    def waits(self) -> Waits:
        """What waits in the queue."""
        return self.read.waits

    @property
    def highlighted(self) -> Row | None:
        """The run or group under the cursor."""
        return self.table.highlighted

    @property
    def chosen(self) -> list[Record]:
        """The runs that a key acts on: the marked ones, else those under the cursor."""
        if self.table.marked:
            return [record for record in self.records if record.id in self.table.marked]
        return list(runs_of(self.highlighted)) if self.highlighted else []

    @property
    def chosen_sweep(self) -> Group | None:
        """The folded sweep that a key acts on as a whole; None if runs are marked, or there is none."""
        row = self.highlighted
        return row if not self.table.marked and isinstance(row, Group) and row.is_sweep else None

    def take(self, read: StoreRead) -> None:
        """Show what was read."""
        self.read, self.has_read = read, True
        if self.table.marked:
            self.table.marked &= {record.id for record in read.records}
        self._show(read.rows if read.options == self.options else self._rows.rows(self.records, self.options))

    def change(self, **options: Any) -> None:
        """Show other runs, or in another order.

        Args:
            options: the fields of :class:`RowOptions` that change.
        """
        self.options = dataclasses.replace(self.options, **options)
        self._show(self._rows.rows(self.records, self.options))

    def unmark(self, records: Sequence[Record]) -> None:
        """Remove the marks of runs."""
        self.table.marked -= {record.id for record in records}
        self.table.restyle_marks()

    def _show(self, rows: list[Row]) -> None:
        options = self.options
        self.table.show(rows, self.read.widths, options.by, backwards=options.backwards, now=time.time())
        self._shown()
