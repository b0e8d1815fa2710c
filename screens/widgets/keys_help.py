"""The keys of a screen: the actions that are live on it, in the words of their table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import ActiveBinding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from screens import actions, palette

_SCREEN, _FOCUS, _EVERYWHERE = "on this screen", "where the cursor is", "everywhere"
_WIDE = 72


@dataclass
class KeyGroup:
    """The keys of one part of the screen: (keys, what they do, whether they do it now)."""

    title: str
    keys: list[tuple[str, str, bool]]


def active(screen: Screen[object]) -> list[ActiveBinding]:
    """Return the live actions of a screen in the order of their bindings, one binding each."""
    found: dict[str, ActiveBinding] = {}
    for live in screen.active_bindings.values():
        if live.binding.id in actions.registry():
            found.setdefault(live.binding.id or "", live)
    return list(found.values())


def key_groups(screen: Screen[object]) -> list[KeyGroup]:
    """Return the keys of a screen as the table of actions has them, the nearest to the focus first."""
    keys: dict[str, list[str]] = {}
    for live in screen.active_bindings.values():
        keys.setdefault(live.binding.id or "", []).append(screen.app.get_key_display(live.binding))
    found: dict[str, list[tuple[str, str, bool]]] = {}
    for node, binding, enabled, _ in active(screen):
        title = _EVERYWHERE if isinstance(node, App) else _SCREEN if node is screen else _FOCUS
        name = binding.id or ""
        found.setdefault(title, []).append((" ".join(keys[name]), actions.registry()[name].does, enabled))
    return [KeyGroup(title, found[title]) for title in (_SCREEN, _FOCUS, _EVERYWHERE) if title in found]


class KeysHelp(ModalScreen[None]):
    """An overlay with the keys; any of ``?``, ``q`` and escape closes it.

    Args:
        groups: from :func:`key_groups`, taken before the overlay itself is on the screen.
    """

    DEFAULT_CSS = """
    KeysHelp {
        align: center middle;
        & > VerticalScroll {
            width: 44; max-width: 95%; height: auto; max-height: 95%;
            padding: 0 1; border: round $accent; background: $surface; border-title-color: $accent;
            scrollbar-size-vertical: 1;
            &.wide { width: 76; & > Horizontal > Static { width: 1fr; } }
            & > Horizontal { height: auto; }
        }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("help")

    def __init__(self, groups: list[KeyGroup]) -> None:
        super().__init__()
        self._groups = groups

    def compose(self) -> ComposeResult:
        """Yield the groups under one another, or in two columns where there is room."""
        wide = self.app.size.width >= _WIDE and len(self._groups) > 1
        parts = [self._groups[:1], self._groups[1:]] if wide else [self._groups]
        with VerticalScroll(classes="wide" if wide else "") as box:
            box.border_title = "keys"
            with Horizontal():
                for part in parts:
                    yield Static(palette.of(self.app).shown(_listed(part)))

    def action_close(self) -> None:
        """Take the overlay away."""
        self.dismiss(None)

    def action_scroll(self, lines: int) -> None:
        """Move through a list that is longer than the terminal."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


def _listed(groups: list[KeyGroup]) -> Text:
    width = max((len(keys) for group in groups for keys, _, _ in group.keys), default=0)
    listed = Text()
    for group in groups:
        listed.append(f"{group.title}\n", style="dim italic")
        for keys, does, enabled in group.keys:
            listed.append(f"{keys:>{width}}  ", style="bold" if enabled else "dim")
            listed.append(f"{does}\n", style="" if enabled else "dim")
        listed.append("\n")
    listed.rstrip()
    return listed
