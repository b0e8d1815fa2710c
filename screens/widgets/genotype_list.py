"""The list of the Genotypes screen: published cells, then found ones, under headings."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby
from typing import ClassVar

from rich.text import Text
from textual.binding import BindingType
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from screens.actions.bindings import bindings
from screens.models.genotypes import Entry
from screens.widgets.pick_list import PickList


class GenotypeList(PickList, inherit_bindings=False):
    """Entries by origin; the one under the cursor is picked, and several can be marked."""

    DEFAULT_CSS = """
    GenotypeList {
        & > .option-list--option-disabled { color: $foreground 65%; text-style: italic; }
        &:ansi > .option-list--option-disabled { color: ansi_default; text-style: italic; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("genotypes.list")

    def fill(self, entries: Sequence[Entry], marked: Collection[str]) -> None:
        """Show entries under the headings of their origins; the picked entry stays picked if it is among them."""
        names = [entry.name for entry in entries]
        current = self.under_cursor or self.picked
        picked = current if current in names else next(iter(names), "")
        options: list[Option] = []
        for origin, members in groupby(entries, key=lambda entry: entry.origin):
            options.append(Option(Text(origin), disabled=True))
            for entry in members:
                line = Text("● " if entry.name in marked else "  ", no_wrap=True, overflow="ellipsis")
                options.append(Option(line.append(entry.shown), id=entry.name))
        with self.prevent(OptionList.OptionHighlighted):
            top = self.scroll_offset.y
            self.clear_options()
            self.add_options(options)
            self.highlighted = self.get_option_index(picked) if picked else None
            self.scroll_to(y=top, animate=False, immediate=True)
        if picked != self.picked:
            self.picked = picked
            self.post_message(self.Picked(self, picked))
