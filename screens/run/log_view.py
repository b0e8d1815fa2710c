"""Which lines of the log are shown, and which of them a person looks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from screens.views.models import LogLine

LEVELS = {
    "everything": ("info", "epoch", "warning", "failure", "detail"),
    "no epochs": ("info", "warning", "failure", "detail"),
    "warnings and failures": ("warning", "failure", "detail"),
}


@dataclass(frozen=True)
class LogLook:
    """What a person wants of the log.

    Attributes:
        level: a name of ``LEVELS``.
        wanted: the text to look for, in any case of its letters; empty for none.
        hit: which of the lines that have it is looked at, counted from the end.
    """

    level: str = "everything"
    wanted: str = ""
    hit: int = 0

    def next_level(self) -> str:
        """Return the level that shows less, and after the last the first."""
        names = list(LEVELS)
        return names[(names.index(self.level) + 1) % len(names)]


@dataclass(frozen=True)
class LogView:
    """Lines of the log.

    Attributes:
        lines: those of the level.
        hits: places of the lines that have the text.
        current: the place of the one that is looked at; None where there is none.
    """

    lines: tuple[LogLine, ...]
    hits: frozenset[int] = frozenset()
    current: int | None = None


def view(log: Sequence[LogLine], look: LogLook) -> LogView:
    """Return what is shown of a log."""
    wanted = look.wanted.casefold()
    lines = tuple(line for line in log if line.level in LEVELS[look.level])
    hits = [place for place, line in enumerate(lines) if wanted and wanted in line.text.casefold()]
    current = hits[-1 - look.hit % len(hits)] if hits else None
    return LogView(lines, frozenset(hits), current)
