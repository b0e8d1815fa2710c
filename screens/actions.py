"""What a person can do: one description of every key, which bindings, key line, help, palette and docs are made of."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from textual.binding import Binding, BindingType
from textual.keys import Keys, _character_to_key, format_key

EVERYWHERE = "everywhere"


@dataclass(frozen=True)
class Action:
    """One thing that a key does.

    Attributes:
        id: its place and its name, ``runs.stop``: what the configuration calls it by.
        keys: Textual's names of its keys, the one that is shown first.
        does: its words in help, palette and docs.
        call: what Textual runs, ``epoch(-1)``; a method ``action_epoch`` of the place's screen or widget.
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
    def place(self) -> str:
        """The screen, or the part of one, that has the key."""
        return self.id.rpartition(".")[0]

    @property
    def name(self) -> str:
        """The method that it calls, without arguments."""
        return self.call.partition("(")[0].rpartition(".")[2]


@cache
def registry() -> dict[str, Action]:
    """Return every action by its id, in the order of the table."""
    from screens.action_table import ACTIONS

    return {action.id: action for action in ACTIONS}


def of(place: str) -> list[Action]:
    """Return the actions of a place, ``runs`` or ``runs.table``, without those of its parts."""
    return [action for action in registry().values() if action.place == place]


def bindings(place: str) -> list[BindingType]:
    """Return Textual's bindings of a place, one a key."""
    return list(_bindings(place))


def changes(place: str, call: str) -> bool:
    """Say whether a method of a place changes anything."""
    return any(action.changes and action.name == call for action in of(place))


def remapped(wishes: Mapping[str, object]) -> tuple[dict[str, str], list[str]]:
    """Return the keymap for Textual, and what is wrong with wishes that are left out.

    Args:
        wishes: from an action's id to its keys, several apart by commas.
    """
    wanted: dict[str, str] = {}
    complaints = []
    for name, keys in wishes.items():
        if name not in registry():
            near = difflib.get_close_matches(name, registry(), 1)
            hint = f"Did you mean '{near[0]}'?" if near else "`nastui keys` lists all."
            complaints.append(f"There is no action '{name}'. {hint}")
        elif not isinstance(keys, str) or not keys.strip():
            complaints.append(f'\'{name}\' needs a key, like "x" or "ctrl+x".')
        else:
            named = [_named(key) for key in _split(keys)]
            if None in named:
                wrong = _split(keys)[named.index(None)]
                complaints.append(f'\'{name}\': there is no key \'{wrong}\'. Keys are like "x", "X", "ctrl+x", "f5".')
            else:
                wanted[name] = ",".join(key for key in named if key)
    while clash := _clash(wanted):
        mine, key, other = clash
        del wanted[mine]
        complaints.append(f"'{mine}' cannot have the key '{format_key(key)}': '{other}' has it.")
    return wanted, complaints


def keys_of(action: Action, keymap: Mapping[str, str]) -> list[str]:
    """Return how the keys of an action are written, after remapping."""
    if action.id in keymap:
        return [written(key) for key in _split(keymap[action.id])]
    return [written(key) for key in _split(action.keys)]


def page(keymap: Mapping[str, str] | None = None) -> str:
    """Return all keys as a page of Markdown."""
    from screens.action_table import PLACES

    lines = [
        "# Keys",
        "",
        "Made by `nastui keys --markdown` from the one table of actions. `?` shows those of where you are, `:` finds",
        "one by its words. Other keys go into `config.toml` under `[keys]`, by the names in the last column:",
        '`"runs.stop" = "ctrl+x"`. With `--readonly` those marked "changes" are not to be had.',
    ]
    for place, title in PLACES.items():
        lines += ["", f"## {title}", "", "| Keys | | | Name |", "|---|---|---|---|"]
        for action in of(place):
            keys = " ".join(_code(key) for key in keys_of(action, keymap or {}))
            lines.append(f"| {keys} | {action.does} | {'changes' if action.changes else ''} | `{action.id}` |")
    return "\n".join(lines) + "\n"


def _code(key: str) -> str:
    return f"`` {key} ``" if "`" in key else "`\\|`" if key == "|" else f"`{key}`"


def _bindings(place: str) -> Iterator[Binding]:
    for action in of(place):
        for number, key in enumerate(_split(action.keys)):
            yield Binding(
                key,
                action.call,
                action.line or action.does,
                show=bool(action.line),
                key_display=(action.shown if not number else "") or written(key),
                priority=action.priority,
                id=action.id,
            )


_WRITTEN = {"enter": "enter", "escape": "esc", "pagedown": "pgdn", "pageup": "pgup"}


def written(key: str) -> str:
    """Return a key as people write it: ``ctrl+s``, ``?``, ``←``."""
    *held, last = key.split("+")
    return "+".join([*held, _WRITTEN.get(last) or format_key(last)])


def _split(keys: str) -> list[str]:
    """Take a list of keys apart; a comma alone is a key too."""
    return [keys] if keys == "," else [key.strip() for key in keys.split(",") if key.strip()]


def _named(key: str) -> str | None:
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


def _clash(wanted: Mapping[str, str]) -> tuple[str, str, str] | None:
    """Return the first wish for a key that another action of the same screen has: wish, key, other."""
    taken = {action.id: set(_split(wanted.get(action.id, action.keys))) for action in registry().values()}
    for mine, other in itertools.product(wanted, registry()):
        if mine != other and _meet(registry()[mine].place, registry()[other].place) and taken[mine] & taken[other]:
            return mine, min(taken[mine] & taken[other]), other
    return None


def _meet(one: str, other: str) -> bool:
    """Say whether the keys of two places can be live at once."""
    if EVERYWHERE in (one, other):
        return True
    return one.partition(".")[0] == other.partition(".")[0] and (
        one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")
    )
