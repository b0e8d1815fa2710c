"""A small form for the name and the note of a run."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from runs.errors import UsageError
from runs.store.labels import Labels
from screens.actions.bindings import bindings
from screens.actions.closing import Question
from screens.formatting import clean
from screens.widgets.key_line import KeyLine
from screens.widgets.text_line import TextLine


class EditLabels(Question[Labels | None]):
    """Returns the labels as edited, or None if it was cancelled. Labels that may not be stored are refused here.

    Args:
        title: which run it is.
        labels: the labels of the run; tags are returned as they are.
    """

    DEFAULT_CSS = """
    EditLabels {
        align: center middle;
        & > Vertical {
            width: 72; max-width: 90%; height: auto; padding: 1 2; border: round $accent; background: $surface;
        }
        .label { margin-top: 1; text-style: dim; }
        Input { background: $foreground 8%; &:focus { background: $accent 25%; } }
        &:ansi Input { text-style: underline; }
        #problem { color: $error; text-style: bold; margin-top: 1; display: none; }
        KeyLine { dock: none; margin-top: 1; padding: 0; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("labels")

    def __init__(self, title: str, labels: Labels) -> None:
        super().__init__()
        self._title, self._labels = clean(title), labels

    def compose(self) -> ComposeResult:
        """Yield the two lines."""
        with Vertical():
            yield Static(Text(self._title))
            yield Static("name", classes="label")
            yield TextLine(clean(self._labels.name), compact=True, select_on_focus=False, id="name")
            yield Static("note", classes="label")
            yield TextLine(clean(self._labels.note), compact=True, select_on_focus=False, id="note")
            yield Static(id="problem")
            yield KeyLine()

    def action_save(self) -> None:
        """Return the labels, or say why they may not be stored."""
        name, note = (self.query_one(selector, Input).value for selector in ("#name", "#note"))
        try:
            self.dismiss(Labels(name, list(self._labels.tags), note).checked())
        except UsageError as error:
            problem = self.query_one("#problem", Static)
            problem.update(Text(str(error)))
            problem.display = True

    def action_leave(self) -> None:
        """Cancel."""
        self.dismiss(None)
