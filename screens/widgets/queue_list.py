"""Devices with their runs, and the runs that wait, with a cursor. Only visible lines are drawn."""

from __future__ import annotations

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

from screens import palette
from screens.actions.bindings import bindings
from screens.actions.closing import Punctual
from screens.formatting import fit
from screens.models.queue import WORDS, QueueLine, QueueView

_PLACE = 6
_RIGHT = ("epoch", "when")
_LEAST = {"epoch": 0, "run": 12, "device": 0, "varied": 12}
"""If the line is short of room, these are cut in this order, down to so many cells, or left out."""
_LEAST_REASON = 12
_ENOUGH_REASON = 30
"""With less room for the reason, what is varied has short keys."""


class QueueList(Punctual, ScrollView, can_focus=True):
    """The lines of the queue. The cursor stays on its run, wherever that moves."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "queue-list--title",
        "queue-list--place",
        "queue-list--quiet",
        "queue-list--held",
        "queue-list--cursor",
        "queue-list--cursor-away",
    }
    DEFAULT_CSS = """
    QueueList {
        overflow-x: hidden;
        scrollbar-size-vertical: 1;
        .queue-list--title { text-style: bold; }
        .queue-list--place { color: $accent; text-style: bold; }
        .queue-list--quiet { text-style: dim; }
        .queue-list--held { color: $warning; }
        .queue-list--cursor { background: $accent 25%; }
        .queue-list--cursor-away { background: $foreground 8%; }
        &:ansi {
            .queue-list--cursor { text-style: reverse; background: ansi_default; }
            .queue-list--cursor-away { text-style: underline; background: ansi_default; }
        }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("queue.list")

    @dataclass
    class Highlighted(Message):
        """The cursor moved to another run, or its line has changed."""

        line: QueueLine | None

    @dataclass
    class Opened(Message):
        """A run should be opened."""

        run: str

    def __init__(self) -> None:
        super().__init__()
        self._view = QueueView()
        self._cursor = -1

    @property
    def highlighted(self) -> QueueLine | None:
        """The line under the cursor; None if there is no run."""
        return self._view.lines[self._cursor] if 0 <= self._cursor < len(self._view.lines) else None

    @property
    def text(self) -> str:
        """All lines."""
        return "\n".join(self.render_line(y).text for y in range(len(self._view.lines)))

    def show(self, view: QueueView) -> None:
        """Show the queue; only lines that have changed are drawn again."""
        before, line = self._view, self.highlighted
        if view == before:
            return
        self._view = view
        self._cursor = self._place_of(line)
        if len(before.lines) != len(view.lines):
            self.virtual_size = Size(self.size.width, len(view.lines))
        if len(before.lines) != len(view.lines) or before.widths != view.widths:
            self.refresh()
        else:
            top = self.scroll_offset.y
            for y in range(top, min(top + self.size.height, len(view.lines))):
                if view.lines[y] != before.lines[y]:
                    self._refresh_line(y)
        self._scroll_to_cursor()
        self.post_message(self.Highlighted(self.highlighted))

    def action_move(self, by: int) -> None:
        """Move the cursor by so many runs."""
        runs = [place for place, line in enumerate(self._view.lines) if line.run]
        if not runs:
            return
        at = runs.index(self._cursor) if self._cursor in runs else 0
        self._move_to(runs[max(0, min(len(runs) - 1, at + by))])

    def action_page(self, pages: int) -> None:
        """Move the cursor by the visible lines."""
        self.action_move(pages * max(1, self.size.height - 1))

    def action_edge(self, last: int) -> None:
        """Move the cursor to the first or last run."""
        self.action_move(len(self._view.lines) * (1 if last else -1))

    def action_open(self) -> None:
        """Open the run under the cursor."""
        if self.highlighted is not None:
            self.post_message(self.Opened(self.highlighted.run))

    def on_resize(self) -> None:
        """Keep the cursor visible."""
        self.virtual_size = Size(self.size.width, len(self._view.lines))
        self._scroll_to_cursor()
        self.refresh()

    def on_focus(self) -> None:
        """Draw the active cursor."""
        self._refresh_line(self._cursor)

    def on_blur(self) -> None:
        """Draw the inactive cursor."""
        self._refresh_line(self._cursor)

    def on_click(self, event: events.Click) -> None:
        """Move the cursor; open at a second click."""
        place = event.y + self.scroll_offset.y
        if place < len(self._view.lines) and self._view.lines[place].run:
            self._move_to(place)
            if event.chain == 2:
                self.action_open()

    def render_line(self, y: int) -> Strip:
        """Return a visible line."""
        width, base = self.size.width, self.rich_style
        place = y + self.scroll_offset.y
        if place >= len(self._view.lines):
            return Strip.blank(width, base)
        line, plain = self._view.lines[place], palette.of(self.app).plain
        over = Style.null()
        if place == self._cursor:
            blended = self.get_component_rich_style(
                "queue-list--cursor" if self.has_focus else "queue-list--cursor-away"
            )
            over = Style(bgcolor=blended.bgcolor, reverse=blended.reverse, underline=blended.underline)
        parts = [
            Segment(plain(text), base + self.get_component_rich_style(f"queue-list--{style}", partial=True) + over)
            if style
            else Segment(plain(text), base + over)
            for text, style in self._parts(line, place == self._cursor, width)
        ]
        return Strip(parts).adjust_cell_length(width, base + over)

    def _parts(self, line: QueueLine, chosen: bool, width: int) -> list[tuple[str, str]]:
        """Return the parts of a line, with the names of their styles."""
        if line.title:
            return [(fit(f" {line.title}", width), "title")]
        parts = [("▸" if chosen else " ", "place"), (fit(line.place, _PLACE - 2, right=True) + " ", "place")]
        if len(line.words) == 1:
            return [*parts, (line.words[0], "quiet")]
        kept = self._columns(width)
        for at, title in enumerate(WORDS):
            if title in kept:
                style = "held" if line.held and title == "when" else "quiet" if title == "id" else ""
                is_brief = title == "varied" and kept[title] < self._view.widths[at]
                text = line.brief if is_brief else line.words[at]
                parts += [(fit(text, kept[title], right=title in _RIGHT), style), ("  ", "")]
        room = width - sum(len(text) for text, _ in parts)
        return [*parts, (fit(line.reason, max(0, room)), "quiet")]

    def _columns(self, width: int) -> dict[str, int]:
        """Return the columns that fit beside a reason, with their widths."""
        kept = {title: size for title, size in zip(WORDS, self._view.widths, strict=True) if size}

        def over(reason: int = _LEAST_REASON) -> int:
            return _PLACE + sum(size + 2 for size in kept.values()) + reason - width

        if over(_ENOUGH_REASON) > 0 and "varied" in kept:
            kept["varied"] = self._view.brief_width
        for title, least in _LEAST.items():
            if over() > 0 and title in kept:
                kept[title] = max(min(least, kept[title]), kept[title] - over()) if least else 0
            if not kept.get(title):
                kept.pop(title, None)
        return kept

    def _place_of(self, before: QueueLine | None) -> int:
        """Return the place of the run that the cursor was on, else the nearest run."""
        lines = self._view.lines
        if before is not None:
            for place, line in enumerate(lines):
                if line.run == before.run:
                    return place
        runs = [place for place, line in enumerate(lines) if line.run]
        return min(runs, key=lambda place: abs(place - self._cursor), default=-1)

    def _move_to(self, place: int) -> None:
        old, self._cursor = self._cursor, place
        self._refresh_line(old)
        self._refresh_line(place)
        self._scroll_to_cursor()
        if old != place:
            self.post_message(self.Highlighted(self.highlighted))

    def _refresh_line(self, place: int) -> None:
        self.refresh(Region(0, place - self.scroll_offset.y, self.size.width, 1))

    def _scroll_to_cursor(self) -> None:
        top, height = self.scroll_offset.y, max(1, self.size.height)
        # The heading above the first run stays visible with it.
        first = self._cursor - 1 if self._cursor > 0 and self._view.lines[self._cursor - 1].title else self._cursor
        if first < top:
            self.scroll_to(y=max(0, first), animate=False, force=True)
        elif self._cursor >= top + height:
            self.scroll_to(y=self._cursor - height + 1, animate=False, force=True)
