"""Figures: names on the left, values beside them, and a note where there is room."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from screens import palette
from screens.formatting import fit
from screens.models.panels import Fact
from screens.palette import Glyphs
from screens.widgets.lines import Lines

_BAR = 10
_SHORTEST = 6  # minimum width of a name that is cut
_DIM, _BOLD = Style(dim=True), Style(bold=True)


def lines(facts: Sequence[Fact], width: int, glyphs: Glyphs) -> list[Text]:
    """Return one line for each figure; if there is little room, names are cut and notes left out, but never values."""
    values = [_value(fact, glyphs) for fact in facts]
    left = max((cell_len(fact.name) for fact in facts), default=0)
    right = max(map(cell_len, values), default=0)
    left = min(left, max(_SHORTEST, width - right - 3))
    drawn = []
    for index, (fact, value) in enumerate(zip(facts, values, strict=True)):
        line = Text().append(f" {fit(fact.name, left)}  ", _DIM)
        line.append(value, Style.null() if index else _BOLD)
        if fact.note and line.cell_len + len(fact.note) + 2 <= width:
            line.append(f"  {fact.note}", _DIM)
        drawn.append(line)
    return drawn


class Now(Lines[tuple[Fact, ...]]):
    """The figures of the selected epoch, or any other figures.

    Args:
        placeholder: shown while there are none.
    """

    def __init__(self, placeholder: str = "nothing measured yet") -> None:
        super().__init__()
        self._placeholder = placeholder

    def build(self, view: tuple[Fact, ...], width: int) -> list[Text]:
        """Draw the figures."""
        return lines(view, width, palette.of(self.app).glyphs) or [Text(f" {self._placeholder}", _DIM)]


def _value(fact: Fact, glyphs: Glyphs) -> str:
    if fact.share is None:
        return fact.value
    filled = min(_BAR, max(0, round(_BAR * fact.share)))
    return f"{glyphs.full * filled}{glyphs.empty * (_BAR - filled)} {fact.value}"
