"""The events of a run line by line, the newest at the end."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from rich.style import Style
from rich.text import Text

from screens import palette
from screens.formatting import time_of_day
from screens.models.log import LogView
from screens.palette import Palette
from screens.widgets.lines import Lines

_DIM, _BOLD, _REVERSE = Style(dim=True), Style(bold=True), Style(reverse=True)
_SIGNS = {"info": " ", "epoch": " ", "warning": "▲", "failure": "✗", "detail": "│"}
_INDENT = 12


def lines(view: LogView, colours: Palette, width: int) -> list[Text]:
    """Return the log, every line wrapped beside its time, with the hits marked."""
    return [line for entry in _entries(view, colours, width) for line in entry]


def _entries(view: LogView, colours: Palette, width: int) -> Iterator[list[Text]]:
    for number, entry in enumerate(view.lines):
        style = {
            "warning": colours.style("orange"),
            "failure": colours.style("vermillion", bold=True),
            "epoch": Style.null(),
        }.get(entry.level, _DIM)
        room = max(16, width - _INDENT)
        hit = number in view.hits
        highlighted = style + _BOLD + (_REVERSE if number == view.current else Style.null()) if hit else style
        parts = textwrap.wrap(entry.text, room) or [""]
        drawn = []
        for index, part in enumerate(parts):
            head = f" {time_of_day(entry.time)} " if not index and entry.level != "detail" else " " * 10
            sign = "»" if number == view.current else _SIGNS[entry.level]
            drawn.append(Text().append(head, _DIM).append(f"{sign if not index else ' '} {part}", highlighted))
        yield drawn


class Log(Lines[LogView]):
    """The events of a run as text; stays at the end until it is scrolled, or a line is found."""

    follows = True
    _found: int | None = None

    def build(self, view: LogView, width: int) -> list[Text]:
        """Draw the lines."""
        drawn: list[Text] = []
        self._found = None
        for number, entry in enumerate(_entries(view, palette.of(self.app), width)):
            if number == view.current:
                self._found = len(drawn)
            drawn += entry
        return drawn or [Text(" nothing has happened yet" if not view.lines else "", _DIM)]

    def show(self, view: LogView) -> None:
        """Show a log, and scroll the selected hit into view."""
        before = self._view.current if self._view is not None else None
        super().show(view)
        if view.current is not None and view.current != before and self._found is not None:
            self.scroll_to(y=max(0, self._found - self.size.height // 2), animate=False)
