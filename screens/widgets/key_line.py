"""The line of keys at the bottom of a screen: the active ones, and those for help and for leaving."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.screen import Screen
from textual.widget import Widget

_LAST = ("keys_help", "leave", "quit")


@dataclass(frozen=True)
class Hint:
    """A key, its label, and what it does."""

    key: str
    shown: str
    does: str
    action: str

    @property
    def width(self) -> int:
        """Its width in cells."""
        return len(self.shown) + 1 + len(self.does)


def hints(screen: Screen[object]) -> list[Hint]:
    """Return the keys to show on a screen now, in the order of their bindings."""
    found: dict[str, Hint] = {}
    for _, binding, enabled, _ in screen.active_bindings.values():
        if binding.show and enabled and not binding.system and binding.action not in found:
            shown = screen.app.get_key_display(binding)
            found[binding.action] = Hint(binding.key, shown, binding.description, binding.action)
    return sorted(found.values(), key=lambda hint: (_rank(hint.action), hint.key == "tab"))


def fitting(offered: list[Hint], room: int) -> list[Hint]:
    """Return the hints that fit into ``room`` cells; the least important are left out first."""
    chosen = list(offered)
    while chosen and sum(hint.width + 2 for hint in chosen) - 2 > room:
        droppable = [hint for hint in chosen if not _rank(hint.action)]
        chosen.remove(droppable[-1] if droppable else chosen[0])
    return chosen


class KeyLine(Widget):
    """One line of hints; a click presses the key."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"key-line--key", "key-line--does"}
    DEFAULT_CSS = """
    KeyLine {
        dock: bottom;
        height: 1;
        padding: 0 1;
        .key-line--key { color: $accent; text-style: bold; }
        .key-line--does { text-style: dim; }
    }
    """

    _drawn: list[Hint] | None = None

    def on_mount(self) -> None:
        """Draw again when the active keys change."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self._draw_changes())

    def render(self) -> Text:
        """Return the hints that fit."""
        key = self.get_component_rich_style("key-line--key", partial=True)
        does = self.get_component_rich_style("key-line--does", partial=True)
        line = Text(no_wrap=True, overflow="ellipsis")
        self._drawn = self._shown()
        for place, hint in enumerate(self._drawn):
            line.append("  " if place else "")
            line.append(hint.shown, style=key)
            line.append(f" {hint.does}", style=does)
        return line

    def on_click(self, event: events.Click) -> None:
        """Press the key that was clicked."""
        left = 1
        for hint in self._shown():
            if left <= event.x < left + hint.width:
                self.app.simulate_key(hint.key)
                return
            left += hint.width + 2

    def _draw_changes(self) -> None:
        if self._shown() != self._drawn:
            self.refresh()

    def _shown(self) -> list[Hint]:
        return fitting(hints(self.screen), self.size.width)


def _rank(action: str) -> int:
    """Return 0 for actions that can be left out, else the position at the end of the line."""
    name = action.rpartition(".")[2].partition("(")[0]
    return _LAST.index(name) + 1 if name in _LAST else 0
