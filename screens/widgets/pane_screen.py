"""The base of screens with numbered panes, the first above and the others below: choosing, arranging, naming them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from rich.text import Text
from textual.containers import Container
from textual.widget import Widget

from screens.actions.screen import ActionScreen
from screens.models.panes import PaneSelection
from screens.widgets.lines import Lines
from screens.widgets.pane import Pane, RuleView, Tab


class PaneScreen(ActionScreen[None]):
    """A screen that opens all its panes if there is room, else the first and one of the others, or one alone.

    Subclasses yield ``panes[1]`` and :meth:`lower_part` when they compose, and implement :meth:`show_all` and
    :meth:`upper_rows`.

    Args:
        contents: the content of each pane, in the order of :attr:`TITLES`.

    Attributes:
        TITLES: the titles of the panes by number, from 1 on.
        panes: the panes by number.
        choice: the selected pane.
    """

    TITLES: ClassVar[Mapping[int, str]] = {}

    def __init__(self, contents: Iterable[Widget]) -> None:
        super().__init__()
        named = zip(self.TITLES.items(), contents, strict=True)
        self.panes = {number: Pane(number, title, content) for (number, title), content in named}
        self.choice = PaneSelection(1, 3, below=tuple(self.TITLES)[1:])

    def lower_part(self) -> Container:
        """Return the container of all panes but the first."""
        return Container(*(self.panes[number] for number in self.choice.below), id="lower")

    def show_all(self) -> None:
        """Update everything that is visible."""
        raise NotImplementedError

    def upper_rows(self, *, wide: bool) -> int:
        """Return the rows of the first pane if others are open, too.

        Args:
            wide: whether all are.
        """
        raise NotImplementedError

    def on_resize(self) -> None:
        """Lay the panes out for the new size."""
        self.arrange_panes()

    def recolour(self) -> None:
        """Give the legends the colours of the new theme."""
        self.show_all()

    def arrange_panes(self) -> None:
        """Lay the panes out for the size and the selected pane."""
        width, height = self.size
        alone = self.choice.zoomed or width < 60 or height < 18
        wide = not alone and width >= 110 and height >= 34
        visible = {self.choice.pane} if alone else set(self.panes) if wide else {1, self.choice.lower}
        for number, pane in self.panes.items():
            pane.display = number in visible
        self.query_one("#lower").display = bool(visible & {*self.choice.below})
        self.set_class(wide, "wide")
        self.panes[1].styles.height = "1fr" if alone else self.upper_rows(wide=wide)
        self.call_after_refresh(self.show_all)  # the new sizes are known only after the layout

    @property
    def visible_panes(self) -> list[int]:
        """The numbers of the panes that are drawn."""
        return [number for number, pane in self.panes.items() if pane.display]

    def name_pane(self, number: int, title: str, note: Text) -> None:
        """Show the rule above a pane: its title, those of the panes that share its place, and a note on the right."""
        visible = self.visible_panes
        alone, wide = len(visible) == 1, len(visible) == len(self.panes)
        shared = tuple(self.panes) if alone else (number,) if wide or number == 1 else self.choice.below
        tabs = (
            Tab(
                other,
                title if other == number else self.TITLES[other],
                other == number,
                other == number == self.choice.pane,
            )
            for other in shared
        )
        self.panes[number].rule.show(RuleView(tuple(tabs), note))

    def pane(self) -> Widget | None:
        """Return the selected pane."""
        return self.panes[self.choice.pane]

    # Keys

    def action_pane(self, number: int) -> None:
        """Select a pane; selected again, it is maximised."""
        self.choice = self.choice.press(number)
        self.arrange_panes()

    def action_next_pane(self, by: int) -> None:
        """Select the next pane."""
        self.action_pane(self.choice.after(by, len(self.panes)))

    def action_zoom(self) -> None:
        """Maximise the selected pane, or restore it."""
        self.action_pane(self.choice.pane)

    def action_scroll(self, by: int) -> None:
        """Scroll the lower pane."""
        content = self.panes[self.choice.lower].content
        if isinstance(content, Lines):
            content.scroll_relative(y=by, animate=False)

    def action_back(self) -> None:
        """Restore a maximised pane; if none is, leave."""
        if self.choice.zoomed:
            self.action_zoom()
        else:
            self.action_leave()

    def action_leave(self) -> None:
        """Go back; the runs keep running."""
        self.dismiss()
