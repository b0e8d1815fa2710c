"""What a screen looks like at every size and on every kind of terminal, as text: characters, and a letter a style."""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.color import ColorType
from rich.style import Style
from textual.pilot import Pilot

SIZES = ((80, 24), (120, 40), (200, 60))
TERMINALS = {"colour": ("nastui", "braille"), "16 colours": ("ansi-dark", "braille"), "ascii": ("nastui", "ascii")}
"""Theme and glyphs of each kind of terminal."""
SMALL = (60, 20)
_MOST_LOOKS = 100
_LETTERS = string.ascii_letters + "!#$%&*+-/<>?@^~"


@dataclass(frozen=True)
class Look:
    """A screen as it is drawn: rows of characters, and for each row the style of every cell."""

    rows: tuple[str, ...]
    styles: tuple[tuple[Style, ...], ...]


def taken(app: Any) -> Look:
    """Return what the screen in front looks like."""
    rows, styles = [], []
    for strip in app.screen._compositor.render_strips():
        rows.append(strip.text)
        parts = [(text, (style or Style.null()).clear_meta_and_links()) for text, style, _ in strip]
        styles.append(tuple(style for text, style in parts for _ in text))
    return Look(tuple(rows), tuple(styles))


async def settled(pilot: Pilot[Any]) -> Look:
    """Return what the screen looks like once it no longer changes."""
    before = taken(pilot.app)
    for _ in range(_MOST_LOOKS):
        await pilot.pause(0.05)
        now = taken(pilot.app)
        if now == before:
            return now
        before = now
    raise AssertionError("it never comes to rest")


async def tour(pilot: Pilot[Any], sizes: Sequence[tuple[int, int]] = SIZES) -> dict[tuple[str, str], Look]:
    """Return the looks of a screen by terminal and size; a small terminal comes between the last and the first.

    Raises:
        AssertionError: after it the first look has not come back.
    """
    looks = {}
    for terminal, (theme, glyphs) in TERMINALS.items():
        pilot.app.theme = theme
        while pilot.app.settings.glyphs != glyphs:  # type: ignore[attr-defined]
            pilot.app.action_next_glyphs()  # type: ignore[attr-defined] - over a question the key is not heard
            pilot.app.clear_notifications()
        for size in sizes:
            await pilot.resize_terminal(*size)
            looks[terminal, f"{size[0]}x{size[1]}"] = await settled(pilot)
        await pilot.resize_terminal(*SMALL)
        await settled(pilot)
        await pilot.resize_terminal(*sizes[0])
        back, before = await settled(pilot), looks[terminal, f"{sizes[0][0]}x{sizes[0][1]}"]
        assert back.rows == before.rows, terminal
        assert back.styles == before.styles, terminal
    return looks


def sixteen(look: Look) -> bool:
    """Say whether a look needs no more than the terminal's own 16 colours."""
    used = {colour for row in look.styles for style in row for colour in (style.color, style.bgcolor) if colour}
    return all(colour.type in (ColorType.DEFAULT, ColorType.STANDARD) for colour in used)


def described(looks: dict[tuple[str, str], Look]) -> str:
    """Return looks as text. What is as in colour is said to be so, that a difference is seen once."""
    letters: dict[str, str] = {}
    lines = []
    for (terminal, size), look in looks.items():
        first = looks["colour", size]
        lines.append(f"== {size} {terminal}")
        if terminal != "colour" and look.rows == first.rows:
            lines.append("characters as in colour")
        else:
            lines += (f"|{row.rstrip()}" for row in look.rows)
        if terminal != "colour" and look.styles == first.styles:
            lines.append("styles as in colour")
        else:
            lines += (f":{' '.join(_lettered(row, letters))}" for row in look.styles)
    return "\n".join([*lines, "==", *(f"{letter} {style}" for style, letter in letters.items())]) + "\n"


def _lettered(row: tuple[Style, ...], letters: dict[str, str]) -> Iterator[str]:
    """Yield a letter for each run of cells of one style, and behind it how many they are."""
    for style, cells in groupby(row):
        yield letters.setdefault(str(style), _LETTERS[len(letters)]) + str(len(list(cells)))


def kept(name: str) -> Path:
    """Return the file that a screen's looks are kept in."""
    return Path(__file__).with_name("__looks__") / f"{name}.txt"
