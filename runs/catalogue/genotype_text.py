"""Genotypes as the text that people paste, and as the files that they keep. Nothing is ever evaluated."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runs.catalogue.spaces.darts import SPACE as DARTS
from runs.catalogue.spaces.nasbench201 import SPACE as NASBENCH201
from runs.errors import NotFoundError, UsageError, closest
from runs.genotypes import darts, morphable, nasbench201, python_text
from runs.genotypes.dot import dot
from runs.genotypes.genotype import Genotype
from runs.genotypes.svg import svg

MOST_BYTES = 1_000_000
_FORMATS: dict[str, Callable[[Genotype], str]] = {
    NASBENCH201.name: nasbench201.format_string,
    DARTS.name: python_text.format_python,
}
_CHECKS: dict[str, Callable[[Genotype], object]] = {
    NASBENCH201.name: nasbench201.operation_indices,
    DARTS.name: darts.check,
}


def format_text(genotype: Genotype) -> str:
    """Return the usual text of a genotype, on one line: that of its space, or JSON where a space has none."""
    known = _FORMATS.get(genotype.space)
    return known(genotype) if known else json.dumps(genotype.to_json(), separators=(",", ":"))


def text_of_json(raw: Any) -> str:
    """Return the usual text of a genotype in its file form; as it came where it is none, as in an edited log."""
    try:
        return format_text(Genotype.from_json(raw))
    except UsageError:
        return json.dumps(raw)


def check(genotype: Genotype) -> None:
    """See that a genotype is one of its space, where nastui knows the space.

    Raises:
        UsageError: it is not; the message names the cell, the edge and the operation.
    """
    known = _CHECKS.get(genotype.space)
    if known:
        known(genotype)


def is_text(text: str) -> bool:
    """Say whether something typed means to be a genotype itself, and not the name of one."""
    return text.strip().startswith(("|", "{", "[", "'|", '"|')) or python_text.looks_like(text.strip())


def parse_text(text: str) -> Genotype:
    """Read the text of a genotype.

    Known are the NAS-Bench-201 string, with or without quotes; ``Genotype(…)`` as the repositories of DARTS and its
    descendants print it; JSON; and the JSON list of PR-DARTS.

    Raises:
        UsageError: it is none of them, or none of its space; the message names what is wrong.
    """
    text = text.strip()
    if text.startswith(("{", "[")):
        genotype = _from_json(text)
    elif python_text.looks_like(text):
        genotype = python_text.parse_python(text)
    elif text.startswith(("|", "'|", '"|')):
        genotype = nasbench201.parse_string(text.strip("'\""))
    else:
        raise UsageError(
            f"'{text[:80]}' is no genotype.", "Give a NAS-Bench-201 string, Genotype(normal=…), JSON, a file, or a run."
        )
    check(genotype)
    return genotype


def read(path: Path) -> Genotype:
    """Read the file of a genotype.

    Raises:
        NotFoundError: it cannot be read.
        UsageError: it holds no genotype.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise UsageError(f"'{path}' is larger than a genotype can be.")
        return parse_text(content.decode("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise NotFoundError(f"'{path}' cannot be read as a genotype: {error}.") from error


def _quoted(genotype: Genotype) -> str:
    text = format_text(genotype)
    return text if python_text.looks_like(text) else repr(text)


# The first three can be read again.
FORMS: dict[str, Callable[[Genotype], str]] = {
    "json": lambda genotype: json.dumps(genotype.to_json(), indent=2),
    "python": _quoted,
    "string": format_text,
    "dot": dot,
    "svg": svg,
}


def convert(genotype: Genotype, form: str) -> str:
    """Return a genotype in another form, see :data:`FORMS`; ``python`` is a literal for source code.

    Raises:
        UsageError: there is no such form.
    """
    if form not in FORMS:
        raise UsageError(f"Unknown form '{form[:80]}'.", closest(form, FORMS))
    return FORMS[form](genotype)


def _from_json(text: str) -> Genotype:
    try:
        raw: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"The genotype is no JSON: {error}.") from error
    return morphable.from_json(raw) if isinstance(raw, list) else Genotype.from_json(raw)
