"""The arguments of a public script, as its log begins with them. Nothing is evaluated."""

from __future__ import annotations

import contextlib
import re
from typing import Any

from runs.imports.literals import arguments, literal, value_of

_NAMESPACE = re.compile(r"args = (Namespace\(.*\))\s*$")
_LISTED = re.compile(r"(\w+) +: (.*)")
_MOST_TEXT = 200
# Where something was stored or computed, and how often it was printed: of no effect on the result.
_WITHOUT_EFFECT = frozenset(
    {
        *("data", "data_path", "tmp_data_dir", "save", "save_dir", "model_path", "note", "arch_nas_dataset"),
        *("gpu", "workers", "report_freq", "print_freq", "parallel", "timestamp", "local_rank", "seed", "rand_seed"),
    }
)


def namespace(text: str) -> dict[str, Any] | None:
    """Return the values of ``args = Namespace(epochs=50, …)``; None if a line is not that.

    Values that are not plain numbers, words or lists are left out.
    """
    found = _NAMESPACE.match(text)
    if found is None:
        return None
    values: dict[str, Any] = {}
    with contextlib.suppress(ValueError):
        for name, node in arguments(found[1]).items():
            with contextlib.suppress(ValueError):
                if _is_plain(value := value_of(node)):
                    values[name] = value
    return values


def listed(text: str) -> tuple[str, Any] | None:
    """Return the name and the value of a line ``epochs           : 250``; None if it is not one."""
    found = _LISTED.fullmatch(text)
    if found is None:
        return None
    try:
        value = literal(found[2]) if len(found[2]) <= _MOST_TEXT else None
    except ValueError:
        value = found[2]
    return (found[1], value) if _is_plain(value) else None


def decisive(given: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments on which the result depends, except the seed."""
    return {name: value for name, value in sorted(given.items()) if name not in _WITHOUT_EFFECT}


def _is_plain(value: object) -> bool:
    if isinstance(value, list | tuple):
        return len(value) <= 100 and all(_is_plain(part) and not isinstance(part, list | tuple) for part in value)
    return isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= _MOST_TEXT)
