"""Python literals in the lines of logs. They are read as syntax trees; nothing is evaluated."""

from __future__ import annotations

import ast
import warnings
from typing import Any

MOST_CHARACTERS = 50_000


def literal(text: str) -> Any:
    """Return the value of a literal.

    Raises:
        ValueError: the text is not one, or is longer than any in a log.
    """
    return value_of(_parsed(text))


def arguments(text: str) -> dict[str, ast.expr]:
    """Return the named arguments of a call.

    Raises:
        ValueError: the text is not a call, or is longer than any in a log.
    """
    call = _parsed(text)
    if not isinstance(call, ast.Call):
        raise ValueError("not a call")
    return {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None}


def value_of(node: ast.expr) -> Any:
    """Return the value of a literal in a syntax tree.

    Raises:
        ValueError: it is not a literal.
    """
    try:
        return ast.literal_eval(node)
    except (TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise ValueError("not a literal") from error


def _parsed(text: str) -> ast.expr:
    if len(text) > MOST_CHARACTERS:
        raise ValueError("longer than any literal in a log")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the parser prints warnings about odd escapes
            return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, MemoryError, RecursionError) as error:
        raise ValueError("not Python") from error
