"""The looks of a screen in every size and on every kind of terminal, as text: characters, and letters for styles."""

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
from textual.strip import Strip

from screens.pictures import screen_strips

SIZES = ((80, 24), (120, 40), (200, 60))
TERMINALS = {"colour": ("nastui", "braille"), "16 colours": ("ansi-dark", "braille"), "ascii": ("nastui", "ascii")}
"""Theme and glyphs of each kind of terminal."""
SMALL = (60, 20)
_MOST_FRAMES, _EQUAL_FRAMES = 500, 3
_LETTERS = string.ascii_letters + "!#$%&*+-/<>?@^~"


@dataclass(frozen=True)
class Look:
    """A drawn screen: rows of characters, and by row the style of every cell."""

    rows: tuple[str, ...]
    styles: tuple[tuple[Style, ...], ...]


def taken(strips: Sequence[Strip]) -> Look:
    """Return the look of a screen drawn as strips."""
    rows, styles = [], []
    for strip in strips:
        rows.append(strip.text)
        parts = [(text, (style or Style.null()).clear_meta_and_links()) for text, style, _ in strip]
        styles.append(tuple(style for text, style in parts for _ in text))
    return Look(tuple(rows), tuple(styles))


async def settled(pilot: Pilot[Any]) -> Look:
    """Return the look of a screen once it no longer changes.

    Raises:
        AssertionError: it keeps changing.
    """
    before, equal = None, 0
    for _ in range(_MOST_FRAMES):
        await pilot.pause(0.02)
        now = screen_strips(pilot.app)
        equal = equal + 1 if now == before else 0
        if equal == _EQUAL_FRAMES:
            return taken(now)
        before = now
    raise AssertionError("the screen keeps changing")


async def tour(pilot: Pilot[Any], sizes: Sequence[tuple[int, int]] = SIZES) -> dict[tuple[str, str], Look]:
    """Return the looks of a screen by terminal and size.

    In colour, the terminal is then made small and restored to the first size.

    Raises:
        AssertionError: the first look does not come back.
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
        if terminal == "colour":
            await pilot.resize_terminal(*SMALL)
            await settled(pilot)
            await pilot.resize_terminal(*sizes[0])
            first = looks[terminal, f"{sizes[0][0]}x{sizes[0][1]}"]
            for _ in range(_MOST_FRAMES):
                if (back := await settled(pilot)) == first:
                    break
            assert back == first
    return looks


def sixteen(look: Look) -> bool:
    """Return whether a look uses only the terminal's own 16 colours."""
    used = {colour for row in look.styles for style in row for colour in (style.color, style.bgcolor) if colour}
    return all(colour.type in (ColorType.DEFAULT, ColorType.STANDARD) for colour in used)


def described(looks: dict[tuple[str, str], Look]) -> str:
    """Return looks as text. Looks that equal the one in colour are not repeated, so that a difference appears once."""
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
    """Yield a letter for each run of cells with one style, followed by their number."""
    for style, cells in groupby(row):
        yield letters.setdefault(str(style), _LETTERS[len(letters)]) + str(len(list(cells)))


def kept(name: str) -> Path:
    """Return the file of a screen's expected looks."""
    return Path(__file__).with_name("__looks__") / f"{name}.txt"
