"""Genotypes within the lines of public logs."""

from __future__ import annotations

import re
from typing import Any

from runs.errors import UsageError
from runs.genotypes import morphable, nasbench201, python_text
from runs.genotypes.genotype import Genotype
from runs.imports.literals import arguments, value_of

_CALL = re.compile(r"\bGenotype\(normal=")
_STRING = re.compile(r"\|[\w~|]+\|(?:\+\|[\w~|]+\|)+")
_PARTS = ("normal", "normal_concat", "reduce", "reduce_concat")


def find(text: str) -> Genotype | None:
    """Return the genotype in a line; None if it has none.

    Raises:
        UsageError: it has one that is torn or belongs to no space.
    """
    if found := _CALL.search(text):
        call = text[found.start() :]
        return _of_prdarts(call) if "{" in call else python_text.parse_python(call.strip())
    if found := _STRING.search(text):
        return nasbench201.parse_string(found[0])
    return None


def _of_prdarts(text: str) -> Genotype:
    """Read a genotype whose entries are (kind, settings, source), as PR-DARTS prints it."""
    try:
        parts = {name: value_of(node) for name, node in arguments(text).items()}
    except ValueError:
        raise UsageError("The genotype cannot be read.") from None
    raw = [parts.get(name) for name in _PARTS]
    return morphable.from_json([_as_lists(part) for part in raw])


def _as_lists(value: Any) -> Any:
    return [_as_lists(part) for part in value] if isinstance(value, list | tuple) else value
