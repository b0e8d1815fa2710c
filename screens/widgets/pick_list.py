"""A list in which the entry under the cursor is always picked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from rich.text import Text
from textual.binding import BindingType
from textual.message import Message
from textual.style import Style as VisualStyle
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from screens.actions.bindings import bindings
from screens.actions.closing import Punctual
from screens.widgets.reversible import reversible


class PickList(Punctual, OptionList):
    """Entries with a name and a description; moving the cursor picks."""

    DEFAULT_CSS = """
    PickList {
        height: auto; border: none; padding: 0; background: transparent; scrollbar-size-vertical: 1;
        text-wrap: nowrap; text-overflow: ellipsis;
        &:focus { border: none; background-tint: transparent; }
        & > .option-list--option { padding: 0; }
        & > .option-list--option-highlighted { background: $foreground 8%; text-style: bold; color: $foreground; }
        &:focus > .option-list--option-highlighted { background: $accent 25%; color: $foreground; text-style: bold; }
        &:ansi > .option-list--option-highlighted { background: ansi_default; text-style: bold; color: ansi_default; }
        &:ansi:focus > .option-list--option-highlighted { text-style: reverse; background: ansi_default; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("new_run.list")

    @dataclass
    class Picked(Message):
        """Another entry was picked."""

        list: PickList
        name: str

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.picked = ""

    @property
    def under_cursor(self) -> str:
        """The name of the entry under the cursor; :attr:`picked` follows it once its message is processed."""
        option = self.highlighted_option
        return "" if option is None else option.id or ""

    def offer(self, entries: Sequence[tuple[str, str]], picked: str) -> None:
        """Show entries, (name, description), with one of them picked; no message is posted."""
        self.picked = picked
        names = [name for name, _ in entries]
        with self.prevent(OptionList.OptionHighlighted):
            self.clear_options()
            self.add_options([Option(self._line(name, about), id=name) for name, about in entries])
            self.highlighted = names.index(picked) if picked in names else None

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Pick the entry under the cursor."""
        event.stop()
        name = event.option_id or ""
        if name != self.picked:
            self.picked = name
            self.post_message(self.Picked(self, name))

    def _move_page(self, direction: Literal[-1, 1]) -> None:
        if self._index_to_line:  # empty until the options are laid out, and Textual looks there without asking
            super()._move_page(direction)

    def get_visual_style(self, *component_classes: str, partial: bool = False) -> VisualStyle:
        """Return the style of an entry; with 16 colours it is reversed under the cursor."""
        style = super().get_visual_style(*component_classes, partial=partial)
        return reversible(self, style, *component_classes)

    def _line(self, name: str, about: str) -> Text:
        line = Text(f"{name}  ", no_wrap=True, overflow="ellipsis")
        line.append(about, style="dim")
        return line
