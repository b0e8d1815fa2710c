"""Genotypes as text that users paste, and as files. Nothing is ever evaluated."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runs.catalogue.registry import find_space, operation_kind, spaces
from runs.errors import NotFoundError, UsageError, closest
from runs.files import open_regular
from runs.genotypes import python_text
from runs.genotypes.dot import dot
from runs.genotypes.genotype import Genotype, read_json
from runs.genotypes.svg import svg
from runs.genotypes.text_form import TextForm

MOST_BYTES = 1_000_000


def format_text(genotype: Genotype) -> str:
    """Return the usual text of a genotype on one line: the notation of its space, or JSON if the space has none.

    Raises:
        UsageError: the genotype does not belong to its space.
    """
    space = find_space(genotype.space)
    if space is None or space.format is None:
        return json.dumps(genotype.to_json(), separators=(",", ":"))
    space.check(genotype)
    return space.format(genotype)


def text_of_json(raw: Any) -> str:
    """Return the usual text of a genotype given in its JSON form; for anything else, as in an edited log, its JSON."""
    try:
        return format_text(Genotype.from_json(raw))
    except UsageError:
        return json.dumps(raw)


def check(genotype: Genotype) -> None:
    """Check that a genotype belongs to its space. Genotypes of unknown spaces pass.

    Raises:
        UsageError: it does not; the message names the cell, the edge and the operation.
    """
    space = find_space(genotype.space)
    if space is not None:
        space.check(genotype)


def is_text(text: str) -> bool:
    """Return whether typed text looks like a genotype itself, not like the name of one."""
    text = _trimmed(text)
    return text.startswith("{") or any(form.looks_like(text) for form in _forms())


def parse_text(text: str) -> Genotype:
    """Read the text of a genotype: in a notation of any space, or JSON.

    Raises:
        UsageError: it is in no known notation, or does not belong to its space; the message names the fault.
    """
    text = _trimmed(text)
    if text.startswith("{"):
        genotype = Genotype.from_json(read_json(text))
    else:
        form = next((form for form in _forms() if form.looks_like(text)), None)
        if form is None:
            raise UsageError(
                f"'{text[:80]}' is not a genotype.",
                f"Give {', '.join(form.title for form in _forms())}, JSON, a file, or a run.",
            )
        genotype = form.parse(text)
    check(genotype)
    return genotype


def _trimmed(text: str) -> str:
    return text.strip().removeprefix("\ufeff").strip()


def _forms() -> list[TextForm]:
    return list(dict.fromkeys(form for space in spaces().values() for form in space.forms))


def read(path: Path, name: str = "") -> Genotype:
    """Read the file of a genotype, or of several as Python text, of which ``name`` is wanted.

    Raises:
        NotFoundError: it cannot be read.
        UsageError: it does not hold a genotype.
    """
    try:
        with open_regular(path) as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise UsageError(f"'{path}' is larger than a genotype can be.")
        text = content.decode("utf-8")
        return parse_text(python_text.named(text, name) if name else text)
    except (OSError, UnicodeDecodeError) as error:
        raise NotFoundError(f"'{path}' cannot be read as a genotype: {error}.") from error


def _literal(genotype: Genotype) -> str:
    text = format_text(genotype)
    return text if python_text.looks_like(text) else repr(text)


def _svg(genotype: Genotype) -> str:
    return svg(genotype, lambda operation: operation_kind(operation, genotype.space))


# nastui can read back the first three.
FORMS: dict[str, Callable[[Genotype], str]] = {
    "json": lambda genotype: json.dumps(genotype.to_json(), indent=2),
    "python": _literal,
    "string": format_text,
    "dot": dot,
    "svg": _svg,
}


def convert(genotype: Genotype, form: str) -> str:
    """Return a genotype in another form, see :data:`FORMS`; ``python`` is a literal for source code.

    Raises:
        UsageError: unknown form; the closest match is suggested.
    """
    if form not in FORMS:
        raise UsageError(f"Unknown form '{form[:80]}'.", closest(form, FORMS))
    return FORMS[form](genotype)
