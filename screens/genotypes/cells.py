"""The cells of several genotypes side by side, with their differences marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widget import Widget
from textual.widgets import Static

from runs.genotypes.genotype import Genotype
from screens.actions.bindings import bindings
from screens.actions.screen import ActionScreen
from screens.formatting import clean
from screens.models.cells import CellItem
from screens.views.comparison import beside
from screens.widgets.cells import Cells
from screens.widgets.key_line import KeyLine

REFERENCE = "the others are compared with this one"


def items(named: Sequence[tuple[str, Genotype]], kind: str, reference: int) -> tuple[CellItem, ...]:
    """Return the cells of one kind, with the edges in which they differ from the reference."""
    made = []
    base_name, base = named[reference]
    for index, (name, genotype) in enumerate(named):
        item = CellItem(clean(name), index, genotype.cells.get(kind), caption=REFERENCE)
        if index != reference:
            item = beside(item, base, genotype, kind, clean(base_name).partition(" · ")[0])
        made.append(item)
    return tuple(made)


class CellsScreen(ActionScreen[None]):
    """Diagrams of cells, as many side by side as fit.

    Args:
        named: two genotypes or more, with their titles.
    """

    DEFAULT_CSS = """
    CellsScreen {
        #top { height: 1; padding: 0 1; color: $accent; text-style: bold; }
        Cells { height: 1fr; width: 1fr; }
    }
    """
    SCOPE = "cells"
    BINDINGS: ClassVar[list[BindingType]] = bindings(SCOPE)

    def __init__(self, named: Sequence[tuple[str, Genotype]]) -> None:
        super().__init__()
        self._named = list(named)
        self._kinds = list(dict.fromkeys(kind for _, genotype in named for kind in genotype.cells))
        self._kind, self._reference = 0, 0

    def compose(self) -> ComposeResult:
        """Yield the title, the diagrams and the keys."""
        yield Static(id="top")
        yield Cells()
        yield KeyLine()

    def on_mount(self) -> None:
        """Draw the first kind of cell."""
        self._show()

    def pane(self) -> Widget | None:
        """Return the diagrams."""
        return self.query_one(Cells)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable actions that would have no effect."""
        if not super().check_action(action, parameters):
            return False
        return len(self._kinds) > 1 or None if action == "kind" else True

    def action_kind(self, by: int) -> None:
        """Draw the next kind of cell."""
        self._kind += by
        self._show()

    def action_reference(self) -> None:
        """Compare with the next cell."""
        self._reference += 1
        self._show()

    def action_scroll(self, by: int) -> None:
        """Scroll the diagrams."""
        self.query_one(Cells).scroll_relative(y=by, animate=False)

    def action_leave(self) -> None:
        """Go back."""
        self.dismiss()

    def _show(self) -> None:
        kind = self._kinds[self._kind % len(self._kinds)]
        self.query_one(Cells).show(items(self._named, kind, self._reference % len(self._named)))
        title = f"cells · {clean(kind)}" if len(self._kinds) > 1 else "cells"
        self.query_one("#top", Static).update(Text(title))
