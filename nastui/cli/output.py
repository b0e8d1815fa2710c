"""What goes to stdout (data) and to stderr (narration). Foreign text never acts: no markup, no escape sequences."""

from __future__ import annotations

import json
import math
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text


def data(value: Any) -> None:
    """Print one JSON document."""
    sys.stdout.write(json.dumps(_strict(value), ensure_ascii=False, indent=2) + "\n")


def line(value: Any) -> None:
    """Print one JSON object of a stream."""
    sys.stdout.write(json.dumps(_strict(value), ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _strict(value: Any) -> Any:
    """Return the value with null where JSON knows no number: NaN and the infinities."""
    if isinstance(value, dict):
        return {key: _strict(content) for key, content in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(content) for content in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def say(text: str) -> None:
    """Tell a person something that is no data."""
    sys.stderr.write(clean(text) + "\n")


def clean(text: str) -> str:
    """Return foreign text with its control characters made visible, newlines and tabs apart."""
    return "".join(character if _shows(character) else "\N{REPLACEMENT CHARACTER}" for character in text)


def _shows(character: str) -> bool:
    # The joiner holds emoji together; every other control character could act on the terminal.
    return character in "\n\t\u200d" or unicodedata.category(character) not in ("Cc", "Cf", "Cs")


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table for people; the last column folds where the terminal is narrow."""
    grid = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        last = column == columns[-1]
        grid.add_column(column, no_wrap=not last, overflow="fold" if last else "ellipsis")
    for row in rows:
        grid.add_row(*(Text(clean(str(cell))) for cell in row))
    console().print(grid)


def fields(pairs: Iterable[tuple[str, Any]]) -> None:
    """Print names and values, one a line; empty values are left out."""
    shown = [(name, str(value)) for name, value in pairs if value not in (None, "", [], {})]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        sys.stdout.write(f"{name:<{width}}  {clean(value)}\n")


def console() -> Console:
    """Return the console of stdout; it honours NO_COLOR, and writes neither colours nor short lines into a pipe."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 10_000)


def is_utf8() -> bool:
    """Say whether stdout can show more than ASCII."""
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


def number(value: float | int | None) -> str:
    """Return a count with separators, or a dash."""
    return "-" if value is None else f"{value:,}"


def duration(seconds: float | None) -> str:
    """Return seconds as ``41m`` or ``3h 20m``."""
    if seconds is None:
        return "-"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h {minutes:02}m"
    return f"{minutes}m {rest:02}s" if minutes else f"{rest}s"
