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
        name: what finds it again: a name of the library, or the id of a run.
        origin: published or found.
        shown: its name as the list has it.
        about: a few words on it.
        text: what a filter looks in, ``method:drnas`` and the like among it.
    """

    name: str
    origin: str
    shown: str
    about: str
    text: str = ""


@dataclass(frozen=True)
class Detail:
    """A genotype with all that is known of it.

    Attributes:
        found: the genotype itself; None where it cannot be had.
        cells: by kind, in order.
        facts: (name, words) pairs; an empty name goes on with the one before.
    """

    name: str
    heading: str
    found: Found | None = None
    cells: tuple[tuple[str, Cell], ...] = ()
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Listing:
    """What the list has."""

    entries: tuple[Entry, ...] = field(default=())

    def matching(self, typed: str) -> tuple[Entry, ...]:
        """Return the entries that have every word that was typed, without regard to case."""
        words = typed.casefold().split()
        return tuple(entry for entry in self.entries if all(word in entry.text for word in words))


@dataclass(frozen=True)
class DetailView:
    """A genotype, and the kind of cell that comes first.

    Attributes:
        rows: of the screen; where they do not take all diagrams, only the first is drawn.
    """

    detail: Detail
    first: int
    rows: int
