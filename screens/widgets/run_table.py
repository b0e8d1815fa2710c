"""The table of runs. It draws only the visible rows, so ten thousand runs cost as much as twenty.

Textual's ``DataTable`` keeps a renderable for each cell and visits all rows at every change: with 10,000 runs a filter
would take over a second for each letter. Here a row is the record itself, and only rows that differ are drawn again.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from runs.store.groups import Group, sweep_of
from runs.store.record import Record
from runs.store.status import Status
from screens import palette
from screens.actions.bindings import bindings
from screens.actions.closing import Punctual
from screens.formatting import fit
from screens.models.run_columns import Column, Row, WantedWidths, laid_out, runs_of

_GUTTER = 2
_TROUBLED = (Status.STALLED, Status.LOST, Status.FAILED)
Cell = tuple[str, str]
"""The text of a cell, and the component class of its style."""


class RunTable(Punctual, ScrollView, can_focus=True):
    """Runs and groups of runs as rows under a heading, with a cursor and marks.

    Attributes:
        rows: the rows, in order; the runs of an unfolded group follow it.
        marked: the ids of marked runs, visible or not.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "run-table--heading",
        "run-table--plain",
        "run-table--live",
        "run-table--trouble",
        "run-table--quiet",
        "run-table--mark",
        "run-table--cursor",
        "run-table--cursor-away",
    }
    DEFAULT_CSS = """
    RunTable {
        overflow-x: hidden;
        scrollbar-size-vertical: 1;
        .run-table--heading { text-style: dim; }
        .run-table--live { color: $accent; text-style: bold; }
        .run-table--trouble { color: $warning; text-style: bold; }
        .run-table--quiet { text-style: dim; }
        .run-table--mark { color: $accent; text-style: bold; }
        .run-table--cursor { background: $accent 25%; }
        .run-table--cursor-away { background: $foreground 8%; }
        &:ansi {
            .run-table--cursor { text-style: reverse; background: ansi_default; }
            .run-table--cursor-away { text-style: underline; background: ansi_default; }
        }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("runs.table")

    @dataclass
    class Highlighted(Message):
        """The cursor moved to another row, or to none."""

        row: Row | None

    @dataclass
    class Opened(Message):
        """A run should be opened."""

        record: Record

    @dataclass
    class SweepOpened(Message):
        """A sweep should be opened."""

        group: Group

    @dataclass
    class Folded(Message):
        """A group should be unfolded or folded."""

        group: Group

    @dataclass
    class Marked(Message):
        """The marks changed."""

    @dataclass
    class HeadingClicked(Message):
        """A column's heading was clicked."""

        column: Column

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.rows: list[Row] = []
        self.marked: set[str] = set()
        self._groups: set[str] = set()
        self._cursor = 0
        self._cursor_id = self._cursor_run = ""
        self._widths: WantedWidths = {}
        self._columns: list[tuple[Column, int]] = []
        self._gap = 1
        self._sorted: tuple[Column | None, bool] = (None, False)
        self._now = time.time()
        self._drawn: dict[int, list[Cell]] = {}

    @property
    def highlighted(self) -> Row | None:
        """The run or group under the cursor."""
        return self.rows[self._cursor] if self._cursor < len(self.rows) else None

    @property
    def records(self) -> list[Record]:
        """The visible runs, including those of folded groups."""
        if not self._groups:
            return [row for row in self.rows if isinstance(row, Record)]
        return [record for row in self.rows if not self._inside(row) for record in runs_of(row)]

    def show(self, rows: Sequence[Row], widths: WantedWidths, by: Column, *, backwards: bool, now: float) -> None:
        """Show rows. The cursor stays on its run; only rows that have changed are redrawn.

        Args:
            rows: the rows, in order.
            widths: from :func:`screens.models.run_columns.wanted_widths`.
            by: the column that they are sorted by; ``backwards`` reverses its arrow.
            now: the time for ages, in seconds since 1970.
        """
        whole = widths != self._widths or self._sorted != (by, backwards) or len(rows) != len(self.rows)
        self.rows = list(rows)
        self._groups = {row.id for row in rows if isinstance(row, Group)}
        self._sorted, self._widths, self._now = (by, backwards), dict(widths), now
        if whole:
            self._lay_out()
        self._follow_cursor()
        self._draw_changes(whole)

    def advance(self, now: float) -> None:
        """Show ages as of a time, in seconds since 1970. Only rows that change are redrawn."""
        self._now = now
        changing = [(place, *shown) for place, shown in enumerate(self._columns, start=1) if shown[0].changing]
        for index in self._in_view:
            drawn, row = self._drawn.get(index), self.rows[index]
            if drawn is None or any(
                drawn[place][0] != fit(column.cell(row, now), width, right=column.right)
                for place, column, width in changing
            ):
                self._refresh_row(index)

    def restyle_marks(self) -> None:
        """Redraw after :attr:`marked` was changed from outside."""
        self._draw_changes(False)
        self.post_message(self.Marked())

    def move_to(self, index: int) -> None:
        """Move the cursor to a row, counted from 0, and scroll it into view."""
        if not self.rows:
            return
        old, self._cursor = self._cursor, max(0, min(index, len(self.rows) - 1))
        self._keep(self.rows[self._cursor])
        self._refresh_row(old)
        self._refresh_row(self._cursor)
        self._scroll_to_cursor()
        if old != self._cursor:
            self.post_message(self.Highlighted(self.highlighted))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to unfold and fold only if there is a sweep or a group, and nothing in an empty table."""
        if action in ("unfold", "fold"):
            return bool(self._groups) or None
        return bool(self.rows) or None

    def action_move(self, lines: int) -> None:
        """Move the cursor."""
        self.move_to(self._cursor + lines)

    def action_page(self, pages: int) -> None:
        """Move the cursor by the visible rows."""
        self.move_to(self._cursor + pages * max(1, self._rows_in_view - 1))

    def action_edge(self, last: int) -> None:
        """Move the cursor to the first or last run."""
        self.move_to(len(self.rows) - 1 if last else 0)

    def action_open(self) -> None:
        """Open the run or the sweep under the cursor; unfold or fold another group."""
        match self.highlighted:
            case Record() as record:
                self.post_message(self.Opened(record))
            case Group(is_sweep=True) as group:
                self.post_message(self.SweepOpened(group))
            case Group() as group:
                self.post_message(self.Folded(group))

    def action_unfold(self) -> None:
        """Unfold or fold the sweep or group under the cursor; in an unfolded one, fold it."""
        if (group := self._group) is not None:
            self.post_message(self.Folded(group))

    def action_fold(self) -> None:
        """Fold the sweep or group under the cursor, or the one that the run belongs to, if it is unfolded."""
        group = self._group
        if group is not None and any(isinstance(row, Record) and _holds(group, row) for row in self.rows):
            self.post_message(self.Folded(group))

    @property
    def _group(self) -> Group | None:
        """The sweep or group under the cursor, or the unfolded one that the run under the cursor belongs to."""
        row = self.highlighted
        if isinstance(row, Record):
            return next((group for group in self.rows if isinstance(group, Group) and _holds(group, row)), None)
        return row

    def action_mark(self) -> None:
        """Mark or unmark the run, or all runs of the group, under the cursor, and move to the next row."""
        if self.highlighted is None:
            return
        ids = {record.id for record in runs_of(self.highlighted)}
        self.marked = self.marked - ids if ids <= self.marked else self.marked | ids
        self._draw_changes(False)
        self.post_message(self.Marked())
        self.action_move(1)

    def on_resize(self) -> None:
        """Choose the columns that fit."""
        self._lay_out()
        self._scroll_to_cursor()
        self.refresh()

    def on_focus(self) -> None:
        """Draw the active cursor."""
        self._refresh_row(self._cursor)

    def on_blur(self) -> None:
        """Draw the inactive cursor."""
        self._refresh_row(self._cursor)

    def on_click(self, event: events.Click) -> None:
        """Move the cursor, open at a second click, sort by a clicked heading."""
        if event.y == 0:
            self._click_heading(event.x)
            return
        index = event.y - 1 + self.scroll_offset.y
        if index < len(self.rows):
            self.move_to(index)
            if event.chain == 2:
                self.action_open()

    def render_line(self, y: int) -> Strip:
        """Return the heading, or a visible row."""
        width = self.size.width
        if y == 0:
            return self._strip(self._heading(), None, width)
        index = y - 1 + self.scroll_offset.y
        if index >= len(self.rows):
            return Strip.blank(width, self.rich_style)
        cells = self._cells(index)
        self._drawn[index] = cells
        cursor = "run-table--cursor" if self.has_focus else "run-table--cursor-away"
        return self._strip(cells, cursor if index == self._cursor else None, width)

    @property
    def _rows_in_view(self) -> int:
        return max(1, self.size.height - 1)

    @property
    def _in_view(self) -> range:
        """The indices of the visible rows."""
        top = self.scroll_offset.y
        return range(top, min(top + self._rows_in_view, len(self.rows)))

    def _lay_out(self) -> None:
        self.virtual_size = Size(self.size.width, len(self.rows) + 1)
        self._columns, self._gap = laid_out(self._widths, self.scrollable_content_region.width - _GUTTER)

    def _heading(self) -> list[Cell]:
        by, backwards = self._sorted
        cells = [(" " * _GUTTER, "run-table--heading")]
        for column, width in self._columns:
            arrow = ("↓" if column.descending != backwards else "↑") if column is by else ""
            text = fit(column.title, width - len(arrow), right=column.right)
            text = arrow + text if column.right else text.rstrip() + arrow
            cells.append((fit(text, width, right=column.right), "run-table--heading"))
        return cells

    def _cells(self, index: int) -> list[Cell]:
        row = self.rows[index]
        gutter = ("▸" if index == self._cursor else " ") + self._mark(row)
        cells = [(gutter, "run-table--mark")]
        for column, width in self._columns:
            text = fit(column.cell(row, self._now), width, right=column.right)
            cells.append((text, _style_of(column, row)))
        return cells

    def _mark(self, row: Row) -> str:
        marked = [record.id in self.marked for record in runs_of(row)] if self.marked else [False]
        if all(marked):
            return "*"
        return "-" if any(marked) else "│" if self._inside(row) else " "

    def _inside(self, row: Row) -> bool:
        """Return whether a row is a run of an unfolded group above it."""
        if not self._groups or not isinstance(row, Record):
            return False
        return row.head["group"] in self._groups or sweep_of(row) in self._groups

    def _strip(self, cells: list[Cell], over: str | None, width: int) -> Strip:
        base, plain = self.rich_style, palette.of(self.app).plain
        cursor = Style.null()
        if over:
            blended = self.get_component_rich_style(over)
            cursor = Style(bgcolor=blended.bgcolor, reverse=blended.reverse, underline=blended.underline)
        space = Segment(" " * self._gap, base + cursor)
        segments = []
        for index, (text, style) in enumerate(cells):
            segments.append(Segment(plain(text), base + self.get_component_rich_style(style, partial=True) + cursor))
            if 0 < index < len(cells) - 1:
                segments.append(space)
        return Strip(segments).adjust_cell_length(width, base + cursor)

    def _follow_cursor(self) -> None:
        before = self._cursor_id
        if self.highlighted is None or self.highlighted.id != before:
            self._cursor = self._index_of_cursor()
            self._scroll_to_cursor()
        if self.highlighted is None:
            self._cursor_id = self._cursor_run = ""
        else:
            self._keep(self.highlighted)
        if before != self._cursor_id:
            self.post_message(self.Highlighted(self.highlighted))

    def _index_of_cursor(self) -> int:
        """Return the new index of the row under the cursor, else of its group or its run, else of the nearest row."""
        for index, row in enumerate(self.rows):
            if row.id == self._cursor_id:
                return index
        for index, row in enumerate(self.rows):
            if any(record.id == self._cursor_run for record in runs_of(row)):
                return index
        return max(0, min(self._cursor, len(self.rows) - 1))

    def _keep(self, row: Row) -> None:
        """Remember the row of the cursor and, for a group, also the run that the cursor came from."""
        self._cursor_id = row.id
        ids = [record.id for record in runs_of(row)]
        if self._cursor_run not in ids:
            self._cursor_run = ids[0]

    def _draw_changes(self, whole: bool) -> None:
        in_view = self._in_view
        if whole:
            self._drawn.clear()
            self.refresh()
            return
        self._drawn = {index: cells for index, cells in self._drawn.items() if index in in_view}
        for index in in_view:
            if self._drawn.get(index) != self._cells(index):
                self._refresh_row(index)

    def _refresh_row(self, index: int) -> None:
        self.refresh(Region(0, index + 1 - self.scroll_offset.y, self.size.width, 1))

    def _scroll_to_cursor(self) -> None:
        top = self.scroll_offset.y
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False, force=True)
        elif self._cursor >= top + self._rows_in_view:
            self.scroll_to(y=self._cursor - self._rows_in_view + 1, animate=False, force=True)

    def _click_heading(self, x: int) -> None:
        left = _GUTTER
        for column, width in self._columns:
            if left <= x < left + width + self._gap:
                self.post_message(self.HeadingClicked(column))
                return
            left += width + self._gap


def _holds(group: Group, record: Record) -> bool:
    return group.id in (record.head["group"], sweep_of(record))


def _style_of(column: Column, row: Row) -> str:
    if column.title == "status":
        statuses = [row.shown_status] if isinstance(row, Record) else list(row.statuses)
        if any(status in _TROUBLED for status in statuses):
            return "run-table--trouble"
        return "run-table--live" if any(status.live for status in statuses) else "run-table--quiet"
    return "run-table--quiet" if column.title in ("id", "age", "tags") else "run-table--plain"
