"""Lines of the log, and which of them are shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class LogLine:
    """An event in words. ``level`` decides its sign and its colour."""

    time: float
    level: Literal["info", "epoch", "warning", "failure", "detail"]
    text: str


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
