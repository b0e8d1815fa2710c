"""A pane: a rule with its number and title above, the content below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget

from screens.widgets.lines import Lines

_DIM = Style(dim=True)


@dataclass(frozen=True)
class Tab:
    """The name of a pane on a rule."""

    number: int
    title: str
    open: bool
    chosen: bool


@dataclass(frozen=True)
class RuleView:
    """The rule above a pane: the panes that share its slot, and a legend on the right."""

    tabs: tuple[Tab, ...]
    legend: Text


class Rule(Lines[RuleView]):
    """One line between panes; a click on a name opens it."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"rule--chosen"}
    DEFAULT_CSS = """
    Rule { height: 1; overflow: hidden; scrollbar-gutter: auto; .rule--chosen { color: $accent; text-style: bold; } }
    """

    def build(self, view: RuleView, width: int) -> list[Text]:
        """Draw the names and the legend; if there is little room, closer together, then only the numbers.

        A legend that still does not fit is left out.
        """
        of_legend = view.legend.cell_len + 3 if view.legend.plain else 0
        lines = [
            self._names(view, space, between, titled=titled)
            for space, between, titled in ((" ", "──", True), ("", "─", True), ("", "─", False))
        ]
        fitting = (line for needed in (of_legend, 0) for line in lines if line.cell_len + needed <= width)
        line = next(fitting, lines[-1])
        room = width - line.cell_len - of_legend
        if view.legend.plain and room >= 0:
            line.append("─" * room, _DIM).append(" ").append_text(view.legend).append(" ─", _DIM)
        else:
            line.append("─" * max(0, width - line.cell_len), _DIM)
        line.truncate(width)
        return [line]

    def _names(self, view: RuleView, space: str, between: str, *, titled: bool) -> Text:
        chosen = self.get_component_rich_style("rule--chosen", partial=True)
        line = Text().append("─", _DIM)
        for index, tab in enumerate(view.tabs):
            style = chosen if tab.chosen else Style(bold=True) if tab.open else _DIM
            click = Style(meta={"@click": f"screen.pane({tab.number})"})
            line.append(between if index else "", _DIM)
            title = tab.title if titled or tab.open else ""
            line.append(f"[{tab.number}]{space}{title}{space}", style + click)
        return line


class Pane(Vertical):
    """A numbered pane.

    Args:
        number: the key that selects it.
        title: its name on the rule.
        content: the widget in it.
    """

    def __init__(self, number: int, title: str, content: Widget) -> None:
        super().__init__(id=f"pane-{number}")
        self.number, self.title, self.content = number, title, content
        self.rule = Rule()

    def compose(self) -> ComposeResult:
        """Yield the rule and the content."""
        yield self.rule
        yield self.content
