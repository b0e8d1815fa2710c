"""One thing that a key does."""

from __future__ import annotations

from dataclasses import dataclass

from textual.keys import Keys, _character_to_key, format_key

EVERYWHERE = "everywhere"


@dataclass(frozen=True)
class Action:
    """One thing that a key does.

    Attributes:
        id: its scope and its name, ``runs.stop``: what the configuration calls it by.
        keys: Textual's names of its keys, the one that is shown first.
        does: its words in help, palette and docs.
        call: what Textual runs, ``epoch(-1)``; a method ``action_epoch`` of the scope's screen or widget.
        line: its words on the key line; empty where it is not worth the room.
        changes: it starts, stops, alters or removes something: not to be had with ``--readonly``.
        shown: what the key line has for the first key, where it stands for more than that one.
        priority: it comes before whatever has the focus.
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
        """The screen, or the part of one, that has the key."""
        return self.id.rpartition(".")[0]

    @property
    def name(self) -> str:
        """The method that it calls, without arguments."""
        return self.call.partition("(")[0].rpartition(".")[2]


_WRITTEN = {"enter": "enter", "escape": "esc", "pagedown": "pgdn", "pageup": "pgup"}


def key_label(key: str) -> str:
    """Return a key as people write it: ``ctrl+s``, ``?``, ``←``."""
    *held, last = key.split("+")
    return "+".join([*held, _WRITTEN.get(last) or format_key(last)])


def split_keys(keys: str) -> list[str]:
    """Take a list of keys apart; a comma alone is a key too."""
    return [keys] if keys == "," else [key.strip() for key in keys.split(",") if key.strip()]


def key_name(key: str) -> str | None:
    """Return Textual's name of a key, or None where there is no such key."""
    *held, last = [key] if key == "+" else key.split("+")
    if any(word not in ("ctrl", "shift", "alt") for word in held):
        return None
    if len(last) == 1 and last.isprintable():
        last = _character_to_key(last)
    elif last not in _NAMES:
        return None
    return "+".join([*held, last])


_NAMES = {key.value for key in Keys} | {_character_to_key(character) for character in map(chr, range(32, 127))}
