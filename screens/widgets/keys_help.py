"""The keys of a screen: its active actions, as the table of actions describes them."""

from __future__ import annotations

import itertools
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import ActiveBinding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Static

from screens.actions.action import key_label
from screens.actions.bindings import bindings
from screens.actions.closing import Question
from screens.actions.table import registry

_SCREEN, _FOCUS, _EVERYWHERE = "on this screen", "in the focused part", "everywhere"
_LEAST_COLUMN, _MOST_COLUMN, _MOST_COLUMNS = 36, 46, 3
_FRAME = 5  # border, padding and a scroll bar


@dataclass
class KeySection:
    """The keys of one part of the screen: (keys, what they do, whether they are enabled)."""

    title: str
    keys: list[tuple[str, str, bool]]


def active(screen: Screen[object]) -> list[ActiveBinding]:
    """Return the active actions of a screen in the order of their bindings, one binding each."""
    found: dict[str, ActiveBinding] = {}
    for live in screen.active_bindings.values():
        if live.binding.id in registry():
            found.setdefault(live.binding.id or "", live)
    return list(found.values())


def key_sections(screen: Screen[object]) -> list[KeySection]:
    """Return the keys of a screen by section, in the order of the table of actions."""
    keys: dict[str, list[str]] = {}
    for live in screen.active_bindings.values():
        keys.setdefault(live.binding.id or "", []).append(key_label(live.binding.key))
    found: dict[str, list[tuple[str, str, bool]]] = {}
    for node, binding, enabled, _ in active(screen):
        title = _EVERYWHERE if isinstance(node, App) else _SCREEN if node is screen else _FOCUS
        name = binding.id or ""
        found.setdefault(title, []).append((" ".join(keys[name]), registry()[name].does, enabled))
    return [KeySection(title, found[title]) for title in (_SCREEN, _FOCUS, _EVERYWHERE) if title in found]


class KeysHelp(Question[None]):
    """An overlay with the keys; ``?``, ``q`` and escape close it.

    Args:
        sections: from :func:`key_sections`, called before the overlay is shown.
    """

    DEFAULT_CSS = """
    KeysHelp {
        align: center middle;
        & > VerticalScroll {
            width: auto; max-width: 100%; height: auto; max-height: 95%;
            padding: 0 1; border: round $accent; background: $surface; border-title-color: $accent;
            scrollbar-size-vertical: 1;
            & > Static { width: auto; }
        }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("help")

    def __init__(self, sections: list[KeySection]) -> None:
        super().__init__()
        self._sections = sections

    def compose(self) -> ComposeResult:
        """Yield the keys, in a box that scrolls."""
        with VerticalScroll() as box:
            box.border_title = "keys"
            yield Static()

    def on_resize(self) -> None:
        """Lay the keys out in as many columns as fit."""
        self.query_one(Static).update(listed(self._sections, self.size.width - _FRAME))

    def action_close(self) -> None:
        """Close the overlay."""
        self.dismiss(None)

    def action_scroll(self, lines: int) -> None:
        """Scroll a list that is longer than the terminal."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


def listed(sections: Sequence[KeySection], room: int) -> Text:
    """Return the keys and what they do, in columns of about equal height.

    Args:
        sections: the sections, in order.
        room: the width in characters.
    """
    columns = max(1, min(_MOST_COLUMNS, room // _LEAST_COLUMN))
    width = min(_MOST_COLUMN, room // columns)
    left = max((len(keys) for section in sections for keys, _, _ in section.keys), default=0)
    entries = [
        ("" if index else section.title, _entry(key, left, width - 1))
        for section in sections
        for index, key in enumerate(section.keys)
    ]
    most = math.ceil(sum(len(entry) + 2 * bool(title) for title, entry in entries) / columns)
    made: list[list[Text]] = [[]]
    for title, entry in entries:
        if len(made) < columns and len(made[-1]) + len(entry) + 2 * bool(title) > most:
            made.append([])
        if title:
            made[-1] += [*([Text()] if made[-1] else []), Text(title, style="dim italic")]
        made[-1] += entry
    rows = []
    for row in itertools.zip_longest(*made, fillvalue=Text()):
        for part in row[:-1]:
            part.truncate(width, pad=True)
        rows.append(Text().join(row))
    return Text("\n").join(rows)


def _entry(key: tuple[str, str, bool], left: int, width: int) -> list[Text]:
    """Return the lines of one key: its name, right-aligned in ``left`` characters, then what it does."""
    keys, does, enabled = key
    lines = []
    for index, words in enumerate(textwrap.wrap(does, max(8, width - left - 2))):
        line = Text().append(f"{'' if index else keys:>{left}}  ", style="bold" if enabled else "dim")
        lines.append(line.append(words, style="" if enabled else "dim"))
    return lines
