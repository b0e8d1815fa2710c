"""The panel of a method: charts, tables, timelines, matrices, bars and figures, one below another."""

from __future__ import annotations

import math
import textwrap

from rich.style import Style
from rich.text import Text

from screens import palette
from screens.models.panels import Bars, Panel, Part, Plot, Row, Rows, Timeline
from screens.palette import ASCII, Palette
from screens.widgets import heatmap, now, plot
from screens.widgets.lines import Lines

_DIM, _BOLD = Style(dim=True), Style(bold=True)
_LONGEST = 40
_MARKS = {"*": ("◆", "orange"), "#": ("█", "sky"), "!": ("✗", "vermillion"), "-": ("·", None)}


def lines(panel: Panel, colours: Palette, width: int) -> list[Text]:
    """Draw everything that a method reports of an epoch."""
    parts = [_part(part, colours, width) for part in (*panel.parts, *panel.matrices, *panel.bars)]
    parts += [now.lines(panel.facts, width, colours.glyphs)] if panel.facts else []
    drawn: list[Text] = []
    for part in parts:
        drawn += [Text(), *part] if drawn else part
    return drawn


class MethodPanel(Lines[Panel]):
    """The data that only the method reports."""

    def build(self, view: Panel, width: int) -> list[Text]:
        """Draw the panel."""
        return lines(view, palette.of(self.app), width) or [Text(" this method reports nothing else", _DIM)]


def _part(part: Part, colours: Palette, width: int) -> list[Text]:
    caption = Text(f" {part.caption}", _BOLD)
    match part:
        case Bars():
            return [caption, *_bars(part, colours, width)]
        case Plot():
            return [caption, *_plot(part, colours, width)]
        case Timeline():
            return [caption, *_timeline(part, colours, width)]
        case Rows():
            return [caption, *(line for row in part.rows for line in _row(row, width))]
    return [caption, *heatmap.lines(part, colours, width)]


def _bars(bars: Bars, colours: Palette, width: int) -> list[Text]:
    top = max((abs(value) for value in bars.values if math.isfinite(value)), default=0.0) or 1.0
    left = max((len(label) for label in bars.labels), default=0)
    noted = max(map(len, bars.notes), default=0)
    room = min(_LONGEST, width - left - 16)
    noted = noted if room - noted >= 12 else 0
    room -= noted
    drawn = []
    for index, (label, value) in enumerate(zip(bars.labels, bars.values, strict=True)):
        chosen, dead = index in bars.chosen, index in bars.dead
        line = Text().append("▸" if chosen else " ").append(f"{label:<{left}}  ", _BOLD if chosen else _DIM)
        line.append(f"{value:>8.4g}  ", _DIM if dead else Style.null())
        if math.isfinite(value) and room > 0:
            length = round(room * abs(value) / top)
            line.append(colours.glyphs.full * length, _DIM if dead else colours.style("sky", bold=chosen))
            line.append(" " * (room - length + 2) if noted else "")
        if noted and index < len(bars.notes):
            line.append(bars.notes[index], _DIM)
        drawn.append(line)
    return drawn


def _plot(part: Plot, colours: Palette, width: int) -> list[Text]:
    if not any(series.points for series in part.curves.series):
        return [Text("   nothing to draw yet", _DIM)]
    named = Text("   ").append_text(plot.legend(part.curves, colours))
    return [*([named] if len(part.curves.series) > 1 else []), *plot.lines(part.curves, width, part.rows, colours)]


def _timeline(part: Timeline, colours: Palette, width: int) -> list[Text]:
    left = max((len(label) for label in part.labels), default=0) + 3
    epochs = max(map(len, part.marks), default=0)
    columns = min(epochs, max(1, width - left - 1))
    drawn = []
    for label, marks in zip(part.labels, part.marks, strict=True):
        line = Text().append(f" {label:<{left - 2}} ", _DIM)
        for column in range(columns):
            stretch = marks[column * epochs // columns : max(1, (column + 1) * epochs // columns)]
            # An event must not be hidden by epochs without one.
            mark = next((mark for mark in "!*#-" if mark in stretch), " ")
            glyph, colour = _MARKS.get(mark, (" ", None))
            shown = mark if colours.glyphs is ASCII else glyph
            line.append(shown, colours.style(colour) if colour else _DIM)
        drawn.append(line)
    if part.cursor is not None and epochs:
        drawn.append(Text(" " * (left + part.cursor * columns // epochs) + "▲", _DIM))
    key = part.key
    if colours.glyphs is not ASCII:
        for mark, (glyph, _) in _MARKS.items():
            key = key.replace(f"{mark} ", f"{glyph} ")
    return [*drawn, Text(f" {key}", _DIM)]


def _row(row: Row, width: int) -> list[Text]:
    branch = "   " * (row.deep - 1) + " └ " if row.deep else ""
    style = _DIM if row.faint else _BOLD if row.strong else Style.null()
    drawn = []
    for index, part in enumerate(textwrap.wrap(row.text, max(20, width - len(branch) - 4)) or [""]):
        sign, indent = ("▸" if row.strong else " ", branch) if not index else (" ", " " * (len(branch) + 3))
        head = Text(sign).append(indent, _DIM)
        drawn.append(head.append(part, style))
    return drawn
