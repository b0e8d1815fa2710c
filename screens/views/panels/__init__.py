"""The methods' own panels: each family of methods shows what its epochs tell, known by the names of what they tell."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

from runs.catalogue import Space
from runs.log.history import History
from runs.log.indicators import COLLAPSED
from screens.models.panels import Panel, Part, Row, Rows
from screens.models.selection import Look
from screens.views import extras
from screens.views.panels import black_box, dirichlet, morphing, sparse_codes, zero_cost
from screens.views.panels.context import Subject, subject

FAMILIES = (dirichlet, sparse_codes, zero_cost, morphing, black_box)


def panel(history: History, look: Look, space: Space | None = None) -> Panel:
    """Return what the method tells of the chosen epoch; of an epoch in progress where the newest is looked at."""
    looked = subject(history, look, space)
    if looked is None:
        return Panel()
    parts: list[Part] = []
    known = {COLLAPSED}  # the figures say it
    for family in FAMILIES:
        if found := _parts(family.parts, looked):
            parts += found
            known |= family.TELLS
    rest = extras.panel(history, look, frozenset(known))
    return dataclasses.replace(rest, parts=tuple(parts))


def _parts(made: Callable[[Subject], Iterable[Part]], looked: Subject) -> list[Part]:
    """Return a family's parts. Events may come from another version, or be broken: then the plain listing is left."""
    try:
        return list(made(looked))
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, ArithmeticError):
        return [
            Rows("what the method tells of this epoch has another form than this version knows", (Row("see below"),))
        ]
