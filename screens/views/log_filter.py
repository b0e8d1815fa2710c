"""The lines of a log that are shown, and those that contain a text."""

from __future__ import annotations

from collections.abc import Sequence

from screens.models.log import LEVELS, LogLine, LogLook, LogView


def view(log: Sequence[LogLine], look: LogLook) -> LogView:
    """Return what is shown of a log."""
    wanted = look.wanted.casefold()
    lines = tuple(line for line in log if line.level in LEVELS[look.level])
    hits = [place for place, line in enumerate(lines) if wanted and wanted in line.text.casefold()]
    current = hits[-1 - look.hit % len(hits)] if hits else None
    return LogView(lines, frozenset(hits), current)
