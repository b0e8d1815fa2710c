"""The description of one action and its keys."""

from __future__ import annotations

from dataclasses import dataclass

from textual.keys import Keys, _character_to_key, format_key

EVERYWHERE = "everywhere"


@dataclass(frozen=True)
class Action:
    """An action and its keys.

    Attributes:
        id: its scope and its name, ``runs.stop``; the configuration refers to it by this id.
        keys: Textual's names of its keys, separated by commas; the first one is shown.
        does: its description in the help, the command palette and the documentation.
        call: what Textual runs, ``epoch(-1)`` for a method ``action_epoch`` of the scope's screen or widget, or of one
            of the screen's :class:`~screens.actions.screen_actions.ScreenActions`.
        line: its description on the key line; empty if it is not shown there.
        changes: whether it starts, stops, changes or removes something; such actions are off with ``--readonly``.
        shown: what the key line shows instead of the first key, such as ``←→``.
        priority: whether it takes precedence over the focused widget.
    """

    id: str
    keys: str
    does: str
    call: str
    line: str = ""
    changes: bool = False
    shown: str = ""
    priority: bool = False

    @property
    def scope(self) -> str:
        """The screen, or the part of a screen, that has the key."""
        return self.id.rpartition(".")[0]

    @property
    def name(self) -> str:
        """The name of the method that it calls, without its arguments."""
        return self.call.partition("(")[0].rpartition(".")[2]


_LABELS = {"enter": "enter", "escape": "esc", "pagedown": "pgdn", "pageup": "pgup"}


def key_label(key: str) -> str:
    """Return the label of a key: ``ctrl+s``, ``?``, ``←``."""
    *modifiers, last = key.split("+")
    return "+".join([*modifiers, _LABELS.get(last) or format_key(last)])


def split_keys(keys: str) -> list[str]:
    """Return the keys of a list separated by commas; a comma alone is a key."""
    return [keys] if keys == "," else [key.strip() for key in keys.split(",") if key.strip()]


def key_name(key: str) -> str | None:
    """Return Textual's name of a key; None if there is no such key."""
    *modifiers, last = [key] if key == "+" else key.split("+")
    if any(word not in ("ctrl", "shift", "alt") for word in modifiers):
        return None
    if len(last) == 1 and last.isprintable():
        last = _character_to_key(last)
    elif last not in _NAMES:
        return None
    return "+".join([*modifiers, last])


_NAMES = {key.value for key in Keys} | {_character_to_key(character) for character in map(chr, range(32, 127))}
