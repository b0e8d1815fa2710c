"""Which panes of the Run screen stand where, for a size: all that there is room for, three, or one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from screens.models.panes import RUN_PANES

UPPER, LOWER = (1, 2), (3, 4, 5, 6, 7)
# Where all panes are open, these two share a place.
_SHARED = (6, 7)
# Header, progress, two rules, slider and keys.
_FURNITURE = 6
_LEAST_TOP, _MOST_TOP = 7, 13
# From here on half a screen has room for the diagram of a DARTS cell.
_WIDE = 120


@dataclass(frozen=True)
class Choice:
    """What a person chose.

    Attributes:
        pane: the chosen pane.
        lower: the one that the lower part shows where there is room for one; of two that share a place, the one shown.
        zoomed: the chosen pane has the whole screen.
    """

    pane: int = 3
    lower: int = 3
    zoomed: bool = False

    def press(self, number: int) -> Choice:
        """Return the choice after a pane's number: it is chosen, and once more it is maximised or set back."""
        if number == self.pane:
            return replace(self, zoomed=not self.zoomed)
        return replace(self, pane=number, lower=number if number in LOWER else self.lower)


@dataclass(frozen=True)
class Layout:
    """Where panes stand.

    Attributes:
        visible: the panes that are drawn.
        wide: all are open, the lower ones two by two.
        top: rows of the upper part, its rule included; None for all there are.
        middle: rows of cell and weights where all panes are open, their rule included.
        tabs: for each visible pane, the panes that its rule names.
    """

    visible: frozenset[int]
    wide: bool
    top: int | None
    middle: int
    tabs: dict[int, tuple[int, ...]]


def arrange(width: int, height: int, choice: Choice, wanted: int) -> Layout:
    """Lay the panes out.

    Args:
        width, height: of the screen.
        choice: what a person chose.
        wanted: rows that the diagram of a cell would like, its caption included.
    """
    if choice.zoomed or width < 72 or height < 20:
        return Layout(frozenset({choice.pane}), False, None, 0, {choice.pane: tuple(RUN_PANES)})
    if width >= _WIDE and height >= 34:
        top = max(_LEAST_TOP, min(_MOST_TOP, (height - _FURNITURE) // 3)) + 1
        below = height - _FURNITURE + 2 - top
        middle = max(below // 2, min(wanted + 1, below - _LEAST_TOP))
        last = choice.lower if choice.lower in _SHARED else _SHARED[0]
        tabs: dict[int, tuple[int, ...]] = {number: (number,) for number in RUN_PANES if number not in _SHARED}
        tabs[last] = _SHARED
        return Layout(frozenset(tabs), True, top, middle, tabs)
    top = max(_LEAST_TOP, min(_MOST_TOP, height - _FURNITURE - wanted)) + 1
    visible = frozenset({*UPPER, choice.lower})
    return Layout(visible, False, top, 0, {1: (1,), 2: (2,), choice.lower: LOWER})
