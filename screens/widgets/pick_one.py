"""A question that is answered by choosing from a short list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import OptionList, Static

from screens.actions.bindings import bindings
from screens.actions.closing import Question
from screens.formatting import clean
from screens.widgets.key_line import KeyLine
from screens.widgets.pick_list import PickList


class _Entries(PickList, inherit_bindings=False):
    BINDINGS: ClassVar[list[BindingType]] = bindings("pick.list")


class PickOne(Question[str | None]):
    """Returns the chosen name, or None if it was cancelled.

    Args:
        question: one sentence.
        entries: (name, description); the first is picked.
    """

    DEFAULT_CSS = """
    PickOne {
        align: center middle;
        & > Vertical {
            width: 64; max-width: 90%; height: auto; padding: 1 2; border: round $accent; background: $surface;
        }
        PickList { margin-top: 1; max-height: 12; }
        KeyLine { dock: none; margin-top: 1; padding: 0; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("pick")

    def __init__(self, question: str, entries: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._question, self._entries = clean(question), list(entries)

    def compose(self) -> ComposeResult:
        """Yield the question and the list."""
        with Vertical():
            yield Static(Text(self._question))
            yield _Entries(id="entries")
            yield KeyLine()

    def on_mount(self) -> None:
        """Offer the entries."""
        entries = self.query_one(_Entries)
        entries.offer(self._entries, self._entries[0][0])
        entries.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Return the entry."""
        self.dismiss(event.option_id)

    def action_leave(self) -> None:
        """Cancel."""
        self.dismiss(None)
