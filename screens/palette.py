"""Colours and glyphs for the current terminal. A colour only repeats what a glyph or a word already says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rich.style import Style
from rich.text import Text

from runs.catalogue import operation_kind
from runs.genotypes.kinds import OperationKind, is_dilated
from screens import settings

Depth = Literal["full", "ansi", "none"]


@dataclass(frozen=True)
class Glyphs:
    """One set of characters.

    Attributes:
        name: ``braille``, ``block`` or ``ascii``.
        line, dots: the characters of the first curve and of the others; ``braille`` for dots in a 2 x 4 grid.
        shades: from empty to full, five steps.
        bars: from low to high, eight steps.
        full, empty: the two parts of a progress bar.
    """

    name: str
    line: str
    dots: str
    shades: str
    bars: str
    full: str
    empty: str


BRAILLE = Glyphs("braille", "braille", "braille", " ░▒▓█", "▁▂▃▄▅▆▇█", "━", "─")
BLOCK = Glyphs("block", "█", "░", " ░▒▓█", "▁▂▃▄▅▆▇█", "█", "░")
ASCII = Glyphs("ascii", "*", ".", " .:+#", "_.,-=+*#", "#", ".")

_SETS = {glyphs.name: glyphs for glyphs in (BRAILLE, BLOCK, ASCII)}

# Okabe and Ito (2008): eight colours that can be told apart with any colour vision.
_OKABE_ITO = {
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "green": "#009E73",
    "yellow": "#F0E442",
    "vermillion": "#D55E00",
    "purple": "#CC79A7",
}
# On a light background their sky blue and yellow are hardly visible. Blue replaces sky blue, and the others are
# darkened until each has a contrast of at least 4.5 to 1.
_ON_LIGHT = {
    "orange": "#966300",
    "sky": "#0070AE",
    "green": "#007A58",
    "yellow": "#6E6700",
    "vermillion": "#B84A00",
    "purple": "#A2447A",
}
# For high contrast they are lightened until each has a contrast of at least 7 to 1 with black.
_ON_BLACK = {
    "orange": "#FFB000",
    "sky": "#7CC8FF",
    "green": "#3CE0B0",
    "yellow": "#F0E442",
    "vermillion": "#FF8A5C",
    "purple": "#F2A6D3",
}
_SIXTEEN = {
    "orange": "yellow",
    "sky": "cyan",
    "green": "green",
    "yellow": "bright_yellow",
    "vermillion": "red",
    "purple": "magenta",
}
_SIXTEEN_ON_LIGHT = _SIXTEEN | {"sky": "blue", "yellow": "yellow", "orange": "bright_red"}
_DILATED_COLOUR = "purple"
_KIND_COLOURS = {
    OperationKind.CONVOLUTION: "sky",
    OperationKind.POOL: "orange",
    OperationKind.SKIP: "green",
    OperationKind.OTHER: "yellow",
}

# Replacements of one character by one, so that diagrams keep their shape and styles their columns.
_PLAIN = str.maketrans(
    {
        **dict.fromkeys("─━╌╍┄┅–—−▁", "-"),
        **dict.fromkeys("│╎┆▎▏▌▐▊", "|"),
        **dict.fromkeys("┃╏█▓", "#"),
        **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯┖┗┸╂┿╋┨┫┝┠┕", "+"),
        **dict.fromkeys("▶→▸", ">"),
        **dict.fromkeys("◀←◂", "<"),
        **dict.fromkeys("●○◌", "o"),
        **dict(zip(BRAILLE.bars[1:-1], ASCII.bars[1:-1], strict=True)),
        "░": ".",
        "▒": ":",
        "·": "-",
        "•": "o",
        "»": ">",
        "◆": "*",
        "…": "~",
        "×": "x",
        "▲": "!",
        "▼": "v",
        "■": "#",
        "‖": "=",
        "✓": "+",
        "✗": "x",
        "↑": "^",
        "↓": "v",
        "±": "~",
    }
)
_SQUARE = str.maketrans("╭╮╰╯", "┌┐└┘")


@dataclass(frozen=True)
class Palette:
    """The glyphs and colours of a terminal.

    Attributes:
        light: whether the background is light.
        contrast: whether the theme asks for high contrast, by its variable ``contrast``.
    """

    glyphs: Glyphs
    depth: Depth
    light: bool = False
    contrast: bool = False

    def colour(self, name: str) -> str | None:
        """Return a colour as this terminal shows it; None if it shows no colours."""
        if self.depth == "none":
            return None
        if self.depth == "ansi":
            return (_SIXTEEN_ON_LIGHT if self.light else _SIXTEEN)[name]
        return (_ON_LIGHT if self.light else _ON_BLACK if self.contrast else _OKABE_ITO)[name]

    def style(self, name: str, *, bold: bool = False) -> Style:
        """Return the style of a colour of the palette."""
        return Style(color=self.colour(name), bold=bold or None)

    def operation(self, name: str, *, bold: bool = False) -> Style:
        """Return the style of an operation's kind."""
        kind = operation_kind(name)
        if kind is OperationKind.NONE:
            return Style(dim=True, bold=bold or None)
        return self.style(_DILATED_COLOUR if is_dilated(name) else _KIND_COLOURS[kind], bold=bold)

    def shown(self, text: Text) -> Text:
        """Return the text in this terminal's glyphs; its length does not change."""
        if self.glyphs is BRAILLE:
            return text
        shown = text.copy()
        shown.plain = self.plain(text.plain)
        return shown

    def plain(self, text: str) -> str:
        """Return a string in this terminal's glyphs; its length does not change."""
        if self.glyphs is BRAILLE:
            return text
        if self.glyphs is BLOCK:
            return text.translate(_SQUARE)
        return text.translate(_PLAIN).encode("ascii", "replace").decode()


def detect(environ: Mapping[str, str], *, no_color: bool = False, ansi: bool = False) -> Palette:
    """Return the palette of a terminal.

    Args:
        environ: ``NASTUI_ASCII``, ``TERM``, ``NO_COLOR``, and the locale by ``LC_ALL``, ``LC_CTYPE`` and ``LANG``.
        no_color: ``NO_COLOR`` was set; Textual removes it from the environment.
        ansi: the theme uses the terminal's own 16 colours.
    """
    term = environ.get("TERM", "xterm")
    locale = next((environ[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if environ.get(name)), "utf-8")
    glyphs = BRAILLE
    if environ.get("NASTUI_ASCII", "0") not in ("", "0") or "utf" not in locale.lower() or term in ("dumb", "vt100"):
        glyphs = ASCII
    elif term.startswith("linux"):
        glyphs = BLOCK  # the Linux console has box and shade characters, but no braille
    depth: Depth = "full"
    if no_color or "NO_COLOR" in environ or term == "dumb":
        depth = "none"
    elif ansi or term.startswith("linux"):
        depth = "ansi"
    return Palette(glyphs, depth)


def of(app: Any) -> Palette:
    """Return the palette of a running app."""
    import os

    found = detect(os.environ, no_color=app.no_color, ansi=app.native_ansi_color)
    chosen = settings.of(app).glyphs
    theme = app.current_theme
    contrast = theme.variables.get("contrast") == "high"
    return Palette(_SETS.get(chosen, found.glyphs), found.depth, light=not theme.dark, contrast=contrast)
