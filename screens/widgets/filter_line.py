"""The line above a list into which a filter is typed. It is visible while it contains something."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Static

from screens.actions.closing import Punctual
from screens.widgets.text_line import TextLine


class FilterLine(Punctual, Horizontal):
    """A slash and a field; the screen receives its ``Input.Changed`` at every letter.

    Args:
        example: what can be typed; shown while the field is empty.
        below: the selector of the list that enter returns to.
    """

    DEFAULT_CSS: ClassVar[str] = """
    FilterLine {
        height: 1;
        padding: 0 1;
        display: none;
        &.shown { display: block; }
        #slash { width: 2; color: $accent; text-style: bold; }
        #filter { width: 1fr; background: transparent; &:focus { background-tint: transparent; } }
    }
    """

    def __init__(self, example: str, below: str) -> None:
        super().__init__()
        self._field = TextLine(placeholder=example, compact=True, id="filter")
        self._below = below

    def compose(self) -> ComposeResult:
        """Yield the slash and the field."""
        yield Static("/", id="slash")
        yield self._field

    @property
    def value(self) -> str:
        """The text of the filter."""
        return self._field.value

    @property
    def typing(self) -> bool:
        """Whether the field has the focus."""
        return self._field.has_focus

    def ask(self) -> None:
        """Show the line and focus its field."""
        self.add_class("shown")
        self._field.focus()
        self.screen.refresh_bindings()

    def leave(self) -> None:
        """Return to the list and keep the filter; an empty filter hides the line."""
        self.screen.query_one(self._below).focus()
        self.set_class(bool(self.value), "shown")
        self.screen.refresh_bindings()

    def clear(self) -> bool:
        """Clear the filter and return to the list; return whether there was anything to clear."""
        if not self.value and not self.typing:
            return False
        self._field.value = ""
        self.leave()
        return True

    def on_input_submitted(self) -> None:
        """Return to the list."""
        self.leave()
