"""Data on stdout, messages on stderr. Foreign text is shown as text: no markup, no escape sequences."""

from __future__ import annotations

import json
import math
import re
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from nastui.cli import common_options

if TYPE_CHECKING:
    from rich.console import Console

    from runs.home import Home

# What json.dumps leaves unescaped: one-byte control sequences, direction marks, and lone surrogates (not UTF-8).
_ACTING = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def data(value: Any) -> None:
    """Print one JSON document: indented, or for a list one element per line."""
    if isinstance(value, list):
        lines = ",\n".join(encoded(element) for element in value)
        sys.stdout.write(f"[\n{lines}\n]\n" if value else "[]\n")
    else:
        sys.stdout.write(encoded(value, indent=2) + "\n")


def line(value: Any) -> None:
    """Print one JSON object of a stream."""
    sys.stdout.write(encoded(value) + "\n")
    sys.stdout.flush()


def encoded(value: Any, indent: int | None = None) -> str:
    """Return JSON; characters that a terminal might interpret are escaped, which does not change the value."""
    try:
        text = json.dumps(value, ensure_ascii=not is_utf8(), indent=indent, allow_nan=False)
    except ValueError:
        text = json.dumps(_strict(value), ensure_ascii=not is_utf8(), indent=indent)
    return _ACTING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _strict(value: Any) -> Any:
    """Return the value with null for NaN and infinities, which JSON cannot express."""
    if isinstance(value, dict):
        return {key: _strict(content) for key, content in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(content) for content in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def say(text: str) -> None:
    """Print a message on stderr, unless only results and errors are wanted."""
    if not common_options.quiet:
        warn(text)


def warn(text: str) -> None:
    """Print on stderr what has to be known even if only results and errors are wanted."""
    sys.stderr.write(clean(text) + "\n")


def clean(text: str) -> str:
    """Return foreign text with its control characters made visible, except newlines and tabs."""
    if text.isprintable():
        return text
    return "".join(character if _shows(character) else "\N{REPLACEMENT CHARACTER}" for character in text)


def _shows(character: str) -> bool:
    # The joiner holds emoji together; a terminal might interpret every other control character.
    return character in "\n\t\u200d" or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table; in a terminal the last column is wrapped to the rest of the line.

    Not printed by rich, which takes six seconds for ten thousand rows.
    """
    from rich.cells import cell_len

    cells = [[clean(str(cell)).replace("\n", " ") for cell in row] for row in (columns, *rows)]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    before = sum(widths[:-1]) + 2 * len(widths[:-1])
    room = shutil.get_terminal_size().columns - before if sys.stdout.isatty() else 0
    for row in cells:
        parts = textwrap.wrap(row[-1], room) if 20 <= room < cell_len(row[-1]) else [row[-1]]
        head = "".join(cell + " " * (width - cell_len(cell) + 2) for cell, width in zip(row[:-1], widths, strict=False))
        for lead, part in zip([head, *[" " * before] * len(parts)], parts, strict=False):
            sys.stdout.write(f"{lead}{part}".rstrip() + "\n")


def fields(pairs: Iterable[tuple[str, Any]]) -> None:
    """Print names and values, one per line; empty values are left out."""
    shown = [(clean(name), str(value)) for name, value in pairs if value not in (None, "", [], {})]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        sys.stdout.write(f"{name:<{width}}  {clean(value)}\n")


def console() -> Console:
    """Return the console of stdout; it honours NO_COLOR, and writes no colours and no wrapped lines into a pipe."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else 10_000)


def is_utf8() -> bool:
    """Return whether stdout can show more than ASCII."""
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


def number(value: float | int | None) -> str:
    """Return a count with separators, or a dash."""
    return "-" if value is None else f"{value:,}"


def send_due(home: Home) -> None:
    """Send messages about runs that their engines could not send, once the output is complete."""
    from runs.notify import outbox

    if outbox.entries(home):
        from runs.notify.telling import sweep

        sys.stdout.flush()
        sweep(home)
