"""The lines of a log that are shown, and those that contain a text."""

from __future__ import annotations

from collections.abc import Sequence

from screens.models.log import LogLine, LogView
from screens.models.selection import LOG_LEVELS, LogSelection


def filtered_log(log: Sequence[LogLine], selection: LogSelection) -> LogView:
    """Return the lines of the selected levels, and those among them that contain the text to find."""
    text = selection.text.casefold()
    lines = tuple(line for line in log if line.level in LOG_LEVELS[selection.level])
    hits = [index for index, line in enumerate(lines) if text and text in line.text.casefold()]
    current = hits[-1 - selection.hit % len(hits)] if hits else None
    return LogView(lines, frozenset(hits), current)
