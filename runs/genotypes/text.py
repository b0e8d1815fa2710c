"""Genotypes as the text that people paste: the string of their space, or JSON where a space has none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from runs.catalogue.spaces.nasbench201 import SPACE as NASBENCH201
from runs.errors import NotFoundError, UsageError
from runs.genotypes import nasbench201
from runs.genotypes.genotype import Genotype

_FORMATS: dict[str, Callable[[Genotype], str]] = {NASBENCH201.name: nasbench201.format_string}


def format_text(genotype: Genotype) -> str:
    """Return the usual text of a genotype, on one line."""
    known = _FORMATS.get(genotype.space)
    return known(genotype) if known else json.dumps(genotype.to_json(), separators=(",", ":"))


def parse_text(text: str) -> Genotype:
    """Read the text of a genotype: a NAS-Bench-201 string, or JSON. Nothing is ever evaluated.

    Raises:
        UsageError: it is neither; the message names what is wrong.
    """
    text = text.strip()
    if text.startswith("{"):
        try:
            return Genotype.from_json(json.loads(text))
        except ValueError as error:
            raise UsageError(f"The genotype is no JSON: {error}.") from error
    if text.startswith("|"):
        return nasbench201.parse_string(text)
    raise UsageError(f"'{text[:80]}' is no genotype.", "Give a NAS-Bench-201 string, a file, or a run.")


def read(path: Path) -> Genotype:
    """Read the file of a genotype.

    Raises:
        NotFoundError: it cannot be read.
        UsageError: it holds no genotype.
    """
    try:
        return parse_text(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise NotFoundError(f"'{path}' cannot be read as a genotype: {error}.") from error
