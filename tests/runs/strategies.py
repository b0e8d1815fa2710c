"""Hypothesis strategies for events, drawn from the types that their fields declare."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any

from hypothesis import strategies as st

from runs import events as vocabulary
from runs.events import EVENT_TYPES, Event

text = st.text(max_size=20)
whole = st.integers(-(2**70), 2**70)
number = st.floats()
json_values = st.recursive(
    st.none() | st.booleans() | whole | number | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=10,
)
_OF_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    str: text,
    int: whole,
    float: number,
    bool: st.booleans(),
    Any: json_values,
    type(None): st.none(),
}


def of_type(hint: Any) -> st.SearchStrategy[Any]:
    """Return values of a field's type."""
    if hint in _OF_TYPE:
        return _OF_TYPE[hint]
    if dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        return st.builds(hint, **{field.name: of_type(hints[field.name]) for field in dataclasses.fields(hint)})
    inner = [of_type(part) for part in typing.get_args(hint)]
    match typing.get_origin(hint):
        case kind if kind is list:
            return st.lists(*inner, max_size=3)
        case kind if kind is dict:
            return st.dictionaries(*inner, max_size=3)
        case _:
            return st.one_of(inner)


PAYLOADS: tuple[type[Event], ...] = tuple(
    kind for kind in vars(vocabulary).values() if getattr(kind, "type", None) in EVENT_TYPES
)


def events(kinds: typing.Iterable[type[Event]] = PAYLOADS) -> st.SearchStrategy[Event]:
    """Return events of these types, their fields at any value."""
    return st.one_of([of_type(kind) for kind in kinds])
