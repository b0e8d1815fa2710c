"""The method's own panel: matrices, bars and figures one under the other."""

from __future__ import annotations

import math

from rich.style import Style
from rich.text import Text

from screens import palette
from screens.models import Bars, Panel
from screens.palette import Palette
from screens.widgets import heatmap, now
from screens.widgets.lines import Lines

_DIM, _BOLD = Style(dim=True), Style(bold=True)
_LONGEST = 40


def lines(panel: Panel, colours: Palette, width: int) -> list[Text]:
    """Draw everything that a method told of an epoch."""
    parts = [[Text(f" {matrix.caption}", _BOLD), *heatmap.lines(matrix, colours, width)] for matrix in panel.matrices]
    parts += [_bars(bars, colours, width) for bars in panel.bars]
    parts += [now.lines(panel.facts, width)] if panel.facts else []
    drawn: list[Text] = []
    for part in parts:
        drawn += [Text(), *part] if drawn else part
    return drawn


class MethodPanel(Lines[Panel]):
    """What the method alone can tell."""

    def build(self, view: Panel, width: int) -> list[Text]:
        """Draw the panel."""
        return lines(view, palette.of(self.app), width) or [Text(" this method tells nothing of its own", _DIM)]


def _bars(bars: Bars, colours: Palette, width: int) -> list[Text]:
    top = max((abs(value) for value in bars.values if math.isfinite(value)), default=0.0) or 1.0
    left = max((len(label) for label in bars.labels), default=0)
    room = min(_LONGEST, width - left - 14)
    drawn = [Text(f" {bars.caption}", _BOLD)]
    for label, value in zip(bars.labels, bars.values, strict=True):
        line = Text().append(f" {label:<{left}}  ", _DIM)
        line.append(f"{value:>8.4g}  ")
        if math.isfinite(value) and room > 0:
            line.append(colours.glyphs.full * round(room * abs(value) / top), colours.style("sky"))
        drawn.append(line)
    return drawn
