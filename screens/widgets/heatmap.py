"""Edges by operations as a heatmap: a shade and two digits for each weight, brackets around the derived operation."""

from __future__ import annotations

import math
import textwrap

from rich.style import Style
from rich.text import Text

from screens import palette
from screens.formatting import operation_label
from screens.models.panels import Matrix
from screens.palette import ASCII, Palette
from screens.widgets.lines import Lines

_DIM, _BOLD, _PLAIN, _FOCUS = Style(dim=True), Style(bold=True), Style.null(), Style(reverse=True)
_CELL = 7
_NARROW_CELL = 5


def lines(matrix: Matrix, colours: Palette, width: int = 80) -> list[Text]:
    """Draw a matrix for a width in characters."""
    labels = [_edge(row) for row in matrix.rows]
    left = max((len(target) + len(source) + 5 for target, source in labels), default=6)
    room = width - left - (4 if matrix.entropy else 0)
    margins = bool(matrix.margin) and len(matrix.columns) * _NARROW_CELL <= room - 5
    room -= 5 if margins else 0
    cell = _CELL if len(matrix.columns) * _CELL <= room or not matrix.share else _NARROW_CELL
    low, high = _bounds(matrix)
    head = Text(" " * left)
    for column, operation in enumerate(matrix.columns):
        used = column in matrix.chosen
        name = operation_label(operation)
        head.append(f"{name:>{cell - 1}} ", colours.operation(operation, bold=used))
    if matrix.entropy:
        head.append("  H", _DIM)
    if margins:
        head.append("   M", _DIM)
    drawn = [head]
    before = ""
    for index, (target, source) in enumerate(labels):
        marker = "▸" if matrix.focus is not None and matrix.focus[0] == index else " "
        line = Text().append(f"{marker}{target}", _DIM if target == before else _BOLD)
        line.append((f" ◂ {source}" if source else "").ljust(left - len(target) - 1), _DIM)
        chosen = matrix.chosen[index] if index < len(matrix.chosen) else -1
        for column, value in enumerate(matrix.values[index]):
            style = colours.operation(matrix.columns[column], bold=column == chosen)
            words = _words(value, matrix.share)
            words = f"[{words}]" if column == chosen else f" {words} "
            share = 0.0 if value is None else (value - low) / (high - low)
            focused = _FOCUS if matrix.focus == (index, column) else _PLAIN
            if matrix.bars:
                line.append(_mini(share, cell, column == chosen, value is None, colours), style + focused)
                continue
            shade = colours.glyphs.shades[_level(share, len(colours.glyphs.shades))]
            line.append((shade * min(2, cell - len(words))).rjust(cell - len(words)), style)
            line.append(words, (_BOLD if column == chosen else _DIM if value is None else _PLAIN) + focused)
        if index < len(matrix.entropy):
            line.append("  " + _bar(_evenness(matrix.entropy[index], matrix.values[index]), colours), _DIM)
        if margins and index < len(matrix.margin):
            margin = matrix.margin[index]
            line.append(f" {100 * margin:4.0f}" if math.isfinite(margin) else "    -", _DIM)
        drawn.append(line)
        before = target
    return drawn


class Heatmap(Lines[Matrix | None]):
    """The architecture weights of one kind of cell."""

    _above = 1

    def build(self, view: Matrix | None, width: int) -> list[Text]:
        """Draw the matrix above a line of explanation."""
        if view is None:
            return [Text(" no architecture weights yet", _DIM)]
        drawn = lines(view, palette.of(self.app), width)
        # The description of the selected edge is at the top, which stays visible in a low pane.
        notes = [Text(f" {part}") for line in view.notes for part in textwrap.wrap(line, max(20, width - 1))]
        self._above = len(notes) + 1
        return [*notes, *drawn, Text(" percent · [derived] · - pruned · H entropy · M margin", _DIM)]

    def show(self, view: Matrix | None) -> None:
        """Show a matrix, and scroll the selected row into view."""
        before = self._view.focus if self._view is not None else None
        super().show(view)
        if view is not None and view.focus is not None and view.focus != before:
            row = self._above + view.focus[0]
            if not self.scroll_offset.y <= row < self.scroll_offset.y + self.size.height:
                self.scroll_to(y=max(0, row - self.size.height + 1), animate=False)
            elif row < self.size.height:
                self.scroll_to(y=0, animate=False)


def _words(value: float | None, share: bool) -> str:
    if value is None:
        return "- "
    if share and math.isfinite(value):
        return f"{round(100 * value):02d}"
    return _number(value)


def _mini(share: float, cell: int, chosen: bool, gone: bool, colours: Palette) -> str:
    """Return a value as a bar in eighths of a character, in brackets if the operation is derived."""
    room = cell - 3
    eighths = round(8 * room * share) if math.isfinite(share) else 0
    if colours.glyphs is ASCII:
        bar = "#" * round(eighths / 8)
    else:
        bar = "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()
    bar = ("-" if gone else bar or "▏").ljust(room)
    return f" [{bar}]" if chosen else f"  {bar} "


def _bounds(matrix: Matrix) -> tuple[float, float]:
    """Return the values of an empty and of a full shade."""
    finite = [value for row in matrix.values for value in row if value is not None and math.isfinite(value)]
    if matrix.share or not finite:
        return 0.0, 1.0
    low, high = (0.0 if matrix.bars else min(finite)), max(finite)
    return (low, high) if low < high else (low - 1.0, high + 1.0)


def _level(share: float, levels: int) -> int:
    return min(levels - 1, max(0, round(share * (levels - 1)))) if math.isfinite(share) else 0


def _evenness(entropy: float, row: tuple[float | None, ...]) -> float:
    """Return an entropy as a share of the maximum that the remaining operations of the edge allow."""
    alive = sum(value is not None for value in row)
    return entropy / math.log(alive) if alive > 1 else 0.0


def _bar(share: float, colours: Palette) -> str:
    bars = colours.glyphs.bars
    return bars[_level(share, len(bars))]


def _number(value: float) -> str:
    if not math.isfinite(value):
        return str(value)
    return f"{value:.2g}" if abs(value) < 10 or abs(value) >= 1000 else f"{value:.0f}"


def _edge(label: str) -> tuple[str, str]:
    """Return the target and source of an edge's label, whichever way its arrow points."""
    for arrow, target_first in (("←", True), ("→", False)):
        first, found, second = label.partition(arrow)
        if found:
            return (first, second) if target_first else (second, first)
    return label, ""
