"""What happened, line by line, with the newest at the end."""

from __future__ import annotations

import textwrap

from rich.style import Style
from rich.text import Text

from screens import palette
from screens.log_lines import stamp
from screens.models import LogLine
from screens.palette import Palette
from screens.widgets.lines import Lines

_DIM = Style(dim=True)
_SIGNS = {"info": " ", "epoch": " ", "warning": "▲", "failure": "✗", "detail": "│"}
_INDENT = 12


def lines(log: tuple[LogLine, ...], colours: Palette, width: int) -> list[Text]:
    """Return the log, every line wrapped behind its time."""
    drawn = []
    for entry in log:
        style = {
            "warning": colours.style("orange"),
            "failure": colours.style("vermillion", bold=True),
            "epoch": Style.null(),
        }.get(entry.level, _DIM)
        room = max(16, width - _INDENT)
        parts = textwrap.wrap(entry.text, room) or [""]
        for place, part in enumerate(parts):
            head = f" {stamp(entry.time)} " if not place and entry.level != "detail" else " " * 10
            drawn.append(Text().append(head, _DIM).append(f"{_SIGNS[entry.level] if not place else ' '} {part}", style))
    return drawn


class Log(Lines[tuple[LogLine, ...]]):
    """The events of a run in words; stays at the end until it is scrolled away from it."""

    follows = True

    def build(self, view: tuple[LogLine, ...], width: int) -> list[Text]:
        """Draw the lines."""
        return lines(view, palette.of(self.app), width) or [Text(" nothing has happened yet", _DIM)]
