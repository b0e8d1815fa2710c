"""The runs of a sweep as a matrix with a cursor. Only the visible cells are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from screens import palette
from screens.actions.bindings import bindings
from screens.actions.closing import Punctual
from screens.formatting import fit
from screens.models.sweep import MatrixCell, RunMatrix

_GAP = 2
_LEAST = 6
_MOST_KEY = 14
_LABELS = 0.5
"""The labels take at most this share of the width."""
Part = tuple[str, str]
"""A text and its component class; empty for a plain one."""


class RunMatrixTable(Punctual, ScrollView, can_focus=True):
    """Labels, a cell for each run, and a note, row by row; columns scroll as the cursor reaches them."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "run-matrix-table--heading",
        "run-matrix-table--live",
        "run-matrix-table--trouble",
        "run-matrix-table--quiet",
        "run-matrix-table--row",
        "run-matrix-table--cursor",
        "run-matrix-table--cursor-away",
    }
    DEFAULT_CSS = """
    RunMatrixTable {
        overflow-x: hidden;
        scrollbar-size-vertical: 1;
        .run-matrix-table--heading { text-style: dim; }
        .run-matrix-table--live { color: $accent; text-style: bold; }
        .run-matrix-table--trouble { color: $warning; text-style: bold; }
        .run-matrix-table--quiet { text-style: dim; }
        .run-matrix-table--row { color: $accent; text-style: bold; }
        .run-matrix-table--cursor { background: $accent 25%; }
        .run-matrix-table--cursor-away { background: $foreground 8%; }
        &:ansi {
            .run-matrix-table--cursor { text-style: reverse; background: ansi_default; }
            .run-matrix-table--cursor-away { text-style: underline; background: ansi_default; }
        }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("sweep.matrix")

    @dataclass
    class Highlighted(Message):
        """The cursor moved to another run."""

        run: str

    @dataclass
    class Opened(Message):
        """A run should be opened."""

        run: str

    def __init__(self) -> None:
        super().__init__()
        self._view = RunMatrix()
        self._labels: list[int] = []
        self._width = _LEAST
        self._notes = 0
        self._first = 0
        self.row = self.column = 0

    @property
    def highlighted(self) -> str:
        """The id of the run under the cursor; empty if there is none."""
        return self._cell(self.row, self.column).run

    @property
    def text(self) -> str:
        """The heading and all rows, with the visible columns."""
        return "\n".join(self.render_line(y).text.rstrip() for y in range(1 + len(self._view.labels)))

    def show(self, view: RunMatrix) -> None:
        """Show the runs; nothing is drawn if they have not changed."""
        if view == self._view:
            return
        before, self._view = self.highlighted, view
        labels = zip(view.keys, *view.labels, strict=True) if view.labels else ((key,) for key in view.keys)
        # A long key is cut to the width of its values.
        self._labels = [max(min(cell_len(key), _MOST_KEY), *map(cell_len, values), 1) for key, *values in labels]
        cells = [f"{cell.sign} {cell.text}" for row in view.cells for cell in row]
        self._width = max([_LEAST, *map(cell_len, cells), *map(cell_len, view.columns)])
        self._notes = max(map(cell_len, (view.note, *view.notes)), default=0)
        self.virtual_size = Size(self.size.width, len(view.labels) + 1)
        self.row = max(0, min(self.row, len(view.cells) - 1))
        self.column = max(0, min(self.column, len(view.columns) - 1))
        self._scroll_to_cursor()
        self.refresh()
        if before != self.highlighted:
            self.post_message(self.Highlighted(self.highlighted))

    def action_move(self, down: int, right: int) -> None:
        """Move the cursor."""
        self._move_to(self.row + down, self.column + right)

    def action_edge(self, last: int) -> None:
        """Move the cursor to the first or last run."""
        self._move_to(len(self._view.cells) if last else 0, len(self._view.columns) if last else 0)

    def action_open(self) -> None:
        """Open the run under the cursor."""
        if self.highlighted:
            self.post_message(self.Opened(self.highlighted))

    def on_resize(self) -> None:
        """Keep the cursor visible."""
        self.virtual_size = Size(self.size.width, len(self._view.labels) + 1)
        self._scroll_to_cursor()
        self.refresh()

    def on_focus(self) -> None:
        """Draw the active cursor."""
        self.refresh()

    def on_blur(self) -> None:
        """Draw the inactive cursor."""
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Move the cursor; open at a second click."""
        row, left = event.y - 1 + self.scroll_offset.y, self._before_cells
        if 0 <= row < len(self._view.cells) and event.x >= left:
            self._move_to(row, self._first + (event.x - left) // (self._width + _GAP))
            if event.chain == 2:
                self.action_open()

    def render_line(self, y: int) -> Strip:
        """Return the heading, or a visible row."""
        width, base = self.size.width, self.rich_style
        row = y - 1 + self.scroll_offset.y
        if y and row >= len(self._view.labels):
            return Strip.blank(width, base)
        plain = palette.of(self.app).plain
        segments = []
        for text, style in self._heading() if not y else self._row(row):
            found = self.get_component_rich_style(f"run-matrix-table--{style}", partial=True) if style else Style.null()
            segments.append(Segment(plain(text), base + found))
            if style.startswith("cursor"):
                blended = self.get_component_rich_style(f"run-matrix-table--{style}")
                over = Style(bgcolor=blended.bgcolor, reverse=blended.reverse, underline=blended.underline)
                segments[-1] = Segment(plain(text), base + over)
        return Strip(segments).adjust_cell_length(width, base)

    def _heading(self) -> list[Part]:
        view = self._view
        parts = [(" ", "heading")]
        for key, size in zip(view.keys, self._label_widths, strict=True):
            parts.append((fit(key, size) + " " * _GAP, "heading"))
        for column in range(self._first, min(self._first + self._columns_in_view, len(view.columns))):
            parts.append((fit(view.columns[column], self._width) + " " * _GAP, "heading"))
        return [*parts, (view.note, "heading")]

    def _row(self, row: int) -> list[Part]:
        view = self._view
        parts = [("▸" if row == self.row else " ", "row")]
        for value, size in zip(view.labels[row], self._label_widths, strict=True):
            parts.append((fit(value, size) + " " * _GAP, "row" if row == self.row else ""))
        for column in range(self._first, min(self._first + self._columns_in_view, len(view.columns))):
            cell = self._cell(row, column)
            style = "" if cell.look == "plain" else cell.look
            if (row, column) == (self.row, self.column):
                style = "cursor" if self.has_focus else "cursor-away"
            parts += [(fit(f"{cell.sign} {cell.text}", self._width), style), (" " * _GAP, "")]
        return [*parts, (view.notes[row], "")]

    def _cell(self, row: int, column: int) -> MatrixCell:
        cells = self._view.cells
        return cells[row][column] if row < len(cells) and column < len(cells[row]) else MatrixCell()

    @property
    def _label_widths(self) -> list[int]:
        """The widths of the labels; the widest shrink if they take too much room."""
        widths = list(self._labels)
        while sum(widths) + _GAP * len(widths) > self.size.width * _LABELS and max(widths, default=0) > 4:
            widths[widths.index(max(widths))] -= 1
        return widths

    @property
    def _before_cells(self) -> int:
        return 1 + sum(size + _GAP for size in self._label_widths)

    @property
    def _columns_in_view(self) -> int:
        room = self.size.width - self._before_cells
        for reserved in (self._notes, 0):  # the notes are shown if two columns fit beside them
            fitting = max(0, room - reserved) // (self._width + _GAP)
            if fitting >= min(2, len(self._view.columns)):
                return fitting
        return 1

    def _move_to(self, row: int, column: int) -> None:
        before = self.row, self.column
        self.row = max(0, min(row, len(self._view.cells) - 1))
        self.column = max(0, min(column, len(self._view.columns) - 1))
        if before != (self.row, self.column):
            self._scroll_to_cursor()
            self.refresh()
            self.post_message(self.Highlighted(self.highlighted))

    def _scroll_to_cursor(self) -> None:
        shown = self._columns_in_view
        self._first = max(0, min(self._first, self.column, len(self._view.columns) - shown))
        self._first = max(self._first, self.column - shown + 1)
        top, rows = self.scroll_offset.y, max(1, self.size.height - 1)
        if self.row < top:
            self.scroll_to(y=self.row, animate=False, force=True)
        elif self.row >= top + rows:
            self.scroll_to(y=self.row - rows + 1, animate=False, force=True)
