"""Tables of text, one below another; the letter of a run has the run's colour."""

from __future__ import annotations

import textwrap

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from screens import palette
from screens.formatting import fit
from screens.models.compare import Grid
from screens.palette import Palette
from screens.widgets import plot
from screens.widgets.lines import Lines

_DIM = Style(dim=True)
_LEAST = 6
_APART = 2


class Grids(Lines[tuple[Grid, ...]]):
    """Draws tables; if they are too wide, the widest columns are cut."""

    def build(self, view: tuple[Grid, ...], width: int) -> list[Text]:
        """Draw each table below its note."""
        drawn: list[Text] = []
        for grid in view:
            if drawn:
                drawn.append(Text())
            drawn += [Text(f" {line}", _DIM) for line in textwrap.wrap(grid.note, max(10, width - 2))]
            drawn += table(grid, width - 1, palette.of(self.app))
        return drawn


def table(grid: Grid, width: int, colours: Palette) -> list[Text]:
    """Return the lines of a table in at most ``width`` characters."""
    rows = [*([grid.columns] if any(grid.columns) else []), *grid.rows]
    if not rows:
        return []
    widths = shrunk([max(map(cell_len, column)) for column in zip(*rows, strict=True)], width)
    lines = []
    for number, row in enumerate(rows):
        head = number == 0 and any(grid.columns)
        line = Text(" ", no_wrap=True)
        for place, (cell, size) in enumerate(zip(row, widths, strict=True)):
            style = _DIM if head or not place else Style.null()
            if head and len(cell) == 1 and place:
                style = plot.run_style(place - 1, colours)
            line.append(fit(cell, size), style).append(" " * _APART)
        line.rstrip()
        lines.append(line)
    return lines


def shrunk(widths: list[int], room: int) -> list[int]:
    """Return widths of columns that fit into ``room`` including their gaps; the widest shrink first."""
    fitted = list(widths)
    while sum(fitted) + _APART * (len(fitted) - 1) > room and max(fitted) > _LEAST:
        fitted[fitted.index(max(fitted))] -= 1
    return fitted
