"""Textual's bindings of the actions."""

from __future__ import annotations

from collections.abc import Iterator

from textual.binding import Binding, BindingType

from screens.actions.action import key_label, split_keys
from screens.actions.table import actions_of


def bindings(scope: str) -> list[BindingType]:
    """Return Textual's bindings of a scope, one for each key."""
    return list(_bindings(scope))


def _bindings(scope: str) -> Iterator[Binding]:
    for action in actions_of(scope):
        for number, key in enumerate(split_keys(action.keys)):
            yield Binding(
                key,
                action.call,
                action.line or action.does,
                show=bool(action.line),
                key_display=(action.shown if not number else "") or key_label(key),
                priority=action.priority,
                id=action.id,
            )
