"""The words of a command line: of commands, and those that stand for values in help and messages."""

from __future__ import annotations

from typing import Any

_VALUES = {"int": "N", "int range": "N", "float": "X", "float range": "X", "path": "FILE", "file": "FILE"}


def words_of(context: Any) -> tuple[str, ...]:
    """Return the words of a command, such as ``("runs", "list")``; none for ``nastui`` itself."""
    words: list[str] = []
    while context.parent is not None:
        words.insert(0, context.info_name)
        context = context.parent
    return tuple(words)


def first_line(text: str | None) -> str:
    """Return the first line of a help text."""
    return (text or "").strip().partition("\n")[0].strip()


def value_name(parameter: Any, context: Any) -> str:
    """Return the word that stands for a value: its choices, N for a number, else the name in upper case."""
    if parameter.metavar:
        return str(parameter.metavar)
    kind: str = parameter.display_type(context).removeprefix("<").removesuffix(">")
    return kind if "|" in kind else _VALUES.get(kind, parameter.name.strip("_").upper().replace("_", "-"))
