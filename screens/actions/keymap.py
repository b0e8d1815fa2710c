"""Remapped keys of actions, as the configuration file requests them."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Mapping

from textual.keys import format_key

from screens.actions.action import EVERYWHERE, Action, key_label, key_name, split_keys
from screens.actions.table import registry


def remapped(requested: Mapping[str, object]) -> tuple[dict[str, str], list[str]]:
    """Return the keymap for Textual, and a complaint about each request that cannot be met.

    Args:
        requested: by action id, its keys separated by commas.
    """
    keymap: dict[str, str] = {}
    complaints = []
    for name, keys in requested.items():
        if name not in registry():
            near = difflib.get_close_matches(name, registry(), 1)
            hint = f"Did you mean '{near[0]}'?" if near else "`nastui keys` lists all actions."
            complaints.append(f"There is no action '{name}'. {hint}")
        elif not isinstance(keys, str) or not keys.strip():
            complaints.append(f'\'{name}\' needs a key such as "x" or "ctrl+x".')
        else:
            names = [key_name(key) for key in split_keys(keys)]
            if None in names:
                wrong = split_keys(keys)[names.index(None)]
                complaints.append(f'\'{name}\': there is no key \'{wrong}\'. Write keys as "x", "X", "ctrl+x", "f5".')
            else:
                keymap[name] = ",".join(key for key in names if key)
    while clash := _clash(keymap):
        name, key, other = clash
        del keymap[name]
        complaints.append(f"'{name}' cannot have the key '{format_key(key)}': '{other}' has it.")
    return keymap, complaints


def keys_of(action: Action, keymap: Mapping[str, str]) -> list[str]:
    """Return the labels of an action's keys, after remapping."""
    return [key_label(key) for key in split_keys(keymap.get(action.id, action.keys))]


def _clash(keymap: Mapping[str, str]) -> tuple[str, str, str] | None:
    """Return the first remapped action whose key another action of the same screen has: action, key, other action."""
    taken = {action.id: set(split_keys(keymap.get(action.id, action.keys))) for action in registry().values()}
    for name, other in itertools.product(keymap, registry()):
        if name != other and _overlap(registry()[name].scope, registry()[other].scope) and taken[name] & taken[other]:
            return name, min(taken[name] & taken[other]), other
    return None


def _overlap(one: str, other: str) -> bool:
    """Return whether the keys of two scopes can be active at once."""
    if EVERYWHERE in (one, other):
        return True
    return one.partition(".")[0] == other.partition(".")[0] and (
        one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")
    )
