"""The line that a filter is typed into, over the list that it filters. It is there while it says something."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Static

from screens.widgets.text_line import TextLine


class FilterLine(Horizontal):
    """A slash and a field; its ``Input.Changed`` reaches the screen at every letter.

    Args:
        example: what may be typed; shown while nothing is.
        below: the selector of the list, which enter goes back to.
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
        """What has been typed."""
        return self._field.value

    @property
    def typing(self) -> bool:
        """Whether letters go into the field."""
        return self._field.has_focus

    def ask(self) -> None:
        """Let a filter be typed."""
        self.add_class("shown")
        self._field.focus()
        self.screen.refresh_bindings()

    def leave(self) -> None:
        """Go back to the list with the filter in place; an empty one takes its line with it."""
        self.screen.query_one(self._below).focus()
        self.set_class(bool(self.value), "shown")
        self.screen.refresh_bindings()

    def clear(self) -> bool:
        """Take the filter away and go back to the list; say whether there was anything to take away."""
        if not self.value and not self.typing:
            return False
        self._field.value = ""
        self.leave()
        return True

    def on_input_submitted(self) -> None:
        """Go back to the list."""
        self.leave()
