"""Which panes of the Run screen are visible, and where: all that fit, three, or one."""

from __future__ import annotations

from dataclasses import dataclass

from screens.models.panes import RUN_LOWER, RUN_PANES, PaneSelection

UPPER, LOWER = (1, 2), RUN_LOWER
# These two share a slot when all panes are open.
_SHARED = (6, 7)
# Rows of the header, two rules, the slider and the keys.
_FIXED_ROWS = 6
_LEAST_TOP, _MOST_TOP = 7, 13
# From this width on, half a screen has room for the diagram of a DARTS cell.
_WIDE = 120


@dataclass(frozen=True)
class Layout:
    """The arrangement of the panes.

    Attributes:
        visible: the panes that are drawn.
        wide: whether all panes are open, the lower ones in two columns.
        top: rows of the upper part, including its rule; None for all rows.
        middle: rows of the cell and the weights if all panes are open, including their rule.
        tabs: for each visible pane, the panes that its rule names.
    """

    visible: frozenset[int]
    wide: bool
    top: int | None
    middle: int
    tabs: dict[int, tuple[int, ...]]


def arrange(width: int, height: int, panes: PaneSelection, rows: int) -> Layout:
    """Return the layout for a size.

    Args:
        width: columns of the screen.
        height: rows of the screen.
        panes: the selected pane.
        rows: the rows that the diagram of a cell needs, including its caption.
    """
    if panes.zoomed or width < 72 or height < 20:
        return Layout(frozenset({panes.pane}), False, None, 0, {panes.pane: tuple(RUN_PANES)})
    if width >= _WIDE and height >= 34:
        top = max(_LEAST_TOP, min(_MOST_TOP, (height - _FIXED_ROWS) // 3)) + 1
        below = height - _FIXED_ROWS + 2 - top
        middle = max(below // 2, min(rows + 1, below - _LEAST_TOP))
        last = panes.lower if panes.lower in _SHARED else _SHARED[0]
        tabs: dict[int, tuple[int, ...]] = {number: (number,) for number in RUN_PANES if number not in _SHARED}
        tabs[last] = _SHARED
        return Layout(frozenset(tabs), True, top, middle, tabs)
    top = max(_LEAST_TOP, min(_MOST_TOP, height - _FIXED_ROWS - rows)) + 1
    visible = frozenset({*UPPER, panes.lower})
    return Layout(visible, False, top, 0, {1: (1,), 2: (2,), panes.lower: LOWER})
