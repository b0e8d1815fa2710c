"""The numbered panes of the screens that have them, and which of them is selected."""

from __future__ import annotations

from dataclasses import dataclass, replace

RUN_PANES = {1: "curves", 2: "now", 3: "cell", 4: "weights", 5: "panel", 6: "log", 7: "machine"}
"""The panes of the Run screen by number."""

RUN_LOWER = (3, 4, 5, 6, 7)
"""Those in the lower part of the Run screen."""

COMPARE_PANES = {1: "curves", 2: "settings", 3: "cells", 4: "ranking", 5: "published"}
"""The panes of the Compare screen by number."""

SWEEP_PANES = {1: "runs", 2: "curves", 3: "cell", 4: "values"}
"""The panes of the Sweep screen by number."""


@dataclass(frozen=True)
class PaneSelection:
    """The selected pane.

    Attributes:
        pane: its number.
        lower: the pane in the lower part when only one fits there; of two that share a slot, the visible one.
        zoomed: the selected pane fills the screen.
        below: the panes that belong to the lower part.
    """

    pane: int = 3
    lower: int = 3
    zoomed: bool = False
    below: tuple[int, ...] = RUN_LOWER

    def press(self, number: int) -> PaneSelection:
        """Return the selection after a pane's number was pressed; a second press maximises or restores the pane."""
        if number == self.pane:
            return replace(self, zoomed=not self.zoomed)
        return replace(self, pane=number, lower=number if number in self.below else self.lower)

    def after(self, by: int, of: int) -> int:
        """Return the number of the pane so many further on, of so many panes; after the last comes the first."""
        return (self.pane - 1 + by) % of + 1
