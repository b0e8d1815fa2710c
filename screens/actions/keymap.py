"""Other keys for actions, as the configuration file wishes them."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Mapping

from textual.keys import format_key

from screens.actions.action import EVERYWHERE, Action, key_label, key_name, split_keys
from screens.actions.table import registry


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
            named = [key_name(key) for key in split_keys(keys)]
            if None in named:
                wrong = split_keys(keys)[named.index(None)]
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
        return [key_label(key) for key in split_keys(keymap[action.id])]
    return [key_label(key) for key in split_keys(action.keys)]


def _clash(wanted: Mapping[str, str]) -> tuple[str, str, str] | None:
    """Return the first wish for a key that another action of the same screen has: wish, key, other."""
    taken = {action.id: set(split_keys(wanted.get(action.id, action.keys))) for action in registry().values()}
    for mine, other in itertools.product(wanted, registry()):
        if mine != other and _meet(registry()[mine].scope, registry()[other].scope) and taken[mine] & taken[other]:
            return mine, min(taken[mine] & taken[other]), other
    return None


def _meet(one: str, other: str) -> bool:
    """Say whether the keys of two places can be live at once."""
    if EVERYWHERE in (one, other):
        return True
    return one.partition(".")[0] == other.partition(".")[0] and (
        one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")
    )
