"""Lines of the log of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class LogLine:
    """An event in words.

    Attributes:
        time: seconds since 1970.
        level: decides its sign and its colour.
    """

    time: float
    level: Literal["info", "epoch", "warning", "failure", "detail"]
    text: str


@dataclass(frozen=True)
class LogView:
    """The lines of the log that are shown.

    Attributes:
        lines: the lines of the selected levels.
        hits: the indices of the lines that contain the text to find.
        current: the index of the one that is selected; None if there is none.
    """

    lines: tuple[LogLine, ...]
    hits: frozenset[int] = frozenset()
    current: int | None = None
