"""The dashboard's own themes: calm surfaces, one accent colour. Textual's ANSI themes use the terminal's 16 colours."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.theme import Theme

DARK = Theme(
    name="nastui",
    primary="#56B4E9",
    secondary="#56B4E9",
    accent="#56B4E9",
    foreground="#D6D9DE",
    background="#12151A",
    surface="#171B21",
    panel="#1D222A",
    warning="#E69F00",
    error="#E06C4F",
    success="#009E73",
    variables={"scrollbar": "#2C333D", "scrollbar-background": "#12151A"},
)
LIGHT = Theme(
    name="nastui-light",
    dark=False,
    primary="#0072B2",
    secondary="#0072B2",
    accent="#0072B2",
    foreground="#1C2026",
    background="#FAFAF8",
    surface="#F1F1EE",
    panel="#E7E7E3",
    warning="#9A6400",
    error="#B83B12",
    success="#00734F",
    variables={"scrollbar": "#C9CCD1", "scrollbar-background": "#FAFAF8"},
)
CONTRAST = Theme(
    name="nastui-contrast",
    primary="#F0E442",
    secondary="#F0E442",
    accent="#F0E442",
    foreground="#FFFFFF",
    background="#000000",
    surface="#000000",
    panel="#000000",
    warning="#E69F00",
    error="#FF8A5C",
    success="#5CE0B8",
    variables={"scrollbar": "#FFFFFF", "scrollbar-background": "#000000", "contrast": "high"},
)
OWN = (DARK, LIGHT, CONTRAST)
CYCLE = (DARK.name, LIGHT.name, CONTRAST.name, "ansi-dark", "ansi-light")
"""The themes that the key cycles through; the command palette has all of Textual's."""

_BRIGHT = Style(dim=False)


class Undimmed(LineFilter):
    """Shows dim text as plain text, for the contrast theme."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments without dimming."""
        return [
            Segment(text, style + _BRIGHT if style is not None and style.dim else style, control)
            for text, style, control in segments
        ]
