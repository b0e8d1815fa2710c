"""How genotypes are written as text: one record for each notation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from runs.genotypes.genotype import Genotype


@dataclass(frozen=True, eq=False)
class TextForm:
    """A notation that people paste and papers print. Nothing in it is ever evaluated.

    Attributes:
        title: what messages call it, such as ``a NAS-Bench-201 string``.
        looks_like: returns whether a text without surrounding white space means to be in this notation.
        parse: reads such a text. It raises UsageError, naming what is wrong.
    """

    title: str
    looks_like: Callable[[str], bool]
    parse: Callable[[str], Genotype]
