"""Diagrams of several cells: side by side as far as they fit, the others below."""

from __future__ import annotations

import textwrap

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from screens import palette
from screens.models.cells import CellItem
from screens.widgets import plot, wiring
from screens.widgets.lines import Lines

_DIM = Style(dim=True)
_WIDE, _NARROW, _ = wiring.STEPS
_GAP = 2


class Cells(Lines[tuple[CellItem, ...]]):
    """Draws cells between their titles and their differences; edges that differ are heavy."""

    def build(self, view: tuple[CellItem, ...], width: int) -> list[Text]:
        """Draw as many side by side as fit, the others below."""
        if not view:
            return [Text(" no cell yet", _DIM)]
        needed = {step: max(_columns(item, step) for item in view) + _GAP for step in (_WIDE, _NARROW)}
        # Use narrow columns only if they let two cells fit side by side, or else one.
        step = _WIDE if width // needed[_WIDE] >= min(2, len(view)) else _NARROW
        across = max(1, min(len(view), width // needed[step]))
        if across == 1:
            step = wiring.widest_step([item.cell for item in view if item.cell], width)
        size = width // across
        lines: list[Text] = []
        for first in range(0, len(view), across):
            if lines:
                lines.append(Text())
            lines += _joined([self._block(item, size - _GAP, step) for item in view[first : first + across]], size)
        return lines

    def _block(self, item: CellItem, width: int, step: int) -> list[Text]:
        colours = palette.of(self.app)
        title = Text(f" {item.title}", plot.run_style(item.index, colours))
        below = [Text(f" {line}", _DIM) for line in textwrap.wrap(item.caption, max(20, width - 1))]
        if item.cell is None:
            return [title, *(below or [Text(" no cell yet", _DIM)])]
        return [title, *wiring.lines(item.cell, item.changed, step=step, colours=colours), *below]


def _columns(item: CellItem, step: int) -> int:
    return wiring.columns(item.cell, step) if item.cell else cell_len(item.title)


def _joined(blocks: list[list[Text]], size: int) -> list[Text]:
    lines = []
    for row in range(max(map(len, blocks))):
        line = Text(no_wrap=True)
        for place, block in enumerate(blocks):
            part = block[row].copy() if row < len(block) else Text()
            if place < len(blocks) - 1:
                part.truncate(size, pad=True)
            line.append_text(part)
        lines.append(line)
    return lines
