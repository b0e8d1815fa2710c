"""Published and found genotypes, as the Genotypes screen shows them."""

from __future__ import annotations

from dataclasses import dataclass, field

from runs.genotypes.genotype import Cell
from runs.store.find_genotype import Found

PUBLISHED, FOUND = "published", "found"


@dataclass(frozen=True)
class Entry:
    """A line of the list.

    Attributes:
        name: a name of the library, or the id of a run.
        origin: published or found.
        shown: its name in the list.
        about: a short description.
        text: the text that filters search, which contains words such as ``method:drnas``.
    """

    name: str
    origin: str
    shown: str
    about: str
    text: str = ""


@dataclass(frozen=True)
class Detail:
    """A genotype and everything known about it.

    Attributes:
        found: the genotype; None if it cannot be read.
        cells: (kind, cell) pairs, in order.
        facts: (name, text) pairs; an empty name continues the previous fact.
    """

    name: str
    heading: str
    found: Found | None = None
    cells: tuple[tuple[str, Cell], ...] = ()
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Listing:
    """The entries of the list."""

    entries: tuple[Entry, ...] = field(default=())

    def matching(self, typed: str) -> tuple[Entry, ...]:
        """Return the entries that contain every word of a filter, whatever its case."""
        words = typed.casefold().split()
        return tuple(entry for entry in self.entries if all(word in entry.text for word in words))


@dataclass(frozen=True)
class DetailView:
    """A genotype, and the kind of cell that is shown first.

    Attributes:
        rows: the rows of the screen; if the diagrams do not fit, only the first is drawn.
    """

    detail: Detail
    first: int
    rows: int
