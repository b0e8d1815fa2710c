"""A question whose answer is one line of text."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from screens.actions.bindings import bindings
from screens.actions.closing import Question
from screens.formatting import clean
from screens.widgets.key_line import KeyLine
from screens.widgets.text_line import TextLine


class AskLine(Question[str | None]):
    """Returns the text, or None if it was cancelled.

    Args:
        question: one sentence.
        text: the initial text.
    """

    DEFAULT_CSS = """
    AskLine {
        align: center middle;
        & > Vertical {
            width: 64; max-width: 90%; height: auto; padding: 1 2; border: round $accent; background: $surface;
        }
        Input { margin-top: 1; background: $foreground 8%; }
        KeyLine { dock: none; margin-top: 1; padding: 0; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("ask")

    def __init__(self, question: str, text: str) -> None:
        super().__init__()
        self._question, self._text = clean(question), clean(text)

    def compose(self) -> ComposeResult:
        """Yield the question and the line."""
        with Vertical():
            yield Static(Text(self._question))
            yield TextLine(self._text, compact=True, select_on_focus=False)
            yield KeyLine()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Return the text."""
        self.dismiss(event.value)

    def action_leave(self) -> None:
        """Cancel."""
        self.dismiss(None)
