"""A yes-or-no question before something that has consequences."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import Static

from screens.actions.bindings import bindings
from screens.actions.closing import Question
from screens.formatting import clean
from screens.widgets.key_line import KeyLine


class Confirm(Question[bool]):
    """Returns True for yes.

    Args:
        question: one sentence.
        explanation: the consequences of a yes.
    """

    DEFAULT_CSS = """
    Confirm {
        align: center middle;
        & > Vertical {
            width: 64; max-width: 90%; height: auto; padding: 1 2; border: round $accent; background: $surface;
        }
        #explanation { text-style: dim; margin-top: 1; }
        KeyLine { dock: none; margin-top: 1; padding: 0; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("confirm")

    def __init__(self, question: str, explanation: str = "") -> None:
        super().__init__()
        self._question, self._explanation = clean(question), clean(explanation)

    def compose(self) -> ComposeResult:
        """Yield the question and its two keys."""
        with Vertical():
            yield Static(Text(self._question))
            if self._explanation:
                yield Static(Text(self._explanation), id="explanation")
            yield KeyLine()

    def action_answer(self, yes: bool) -> None:
        """Return the answer."""
        self.dismiss(yes)
