"""Text notations of genotypes: one record per notation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from runs.genotypes.genotype import Genotype


@dataclass(frozen=True, eq=False)
class TextForm:
    """A notation that users paste and papers print. Nothing in it is ever evaluated.

    Attributes:
        title: its name in messages, such as ``a NAS-Bench-201 string``.
        looks_like: returns whether a stripped text appears to be in this notation.
        parse: reads such a text. It raises UsageError, naming the fault.
    """

    title: str
    looks_like: Callable[[str], bool]
    parse: Callable[[str], Genotype]
