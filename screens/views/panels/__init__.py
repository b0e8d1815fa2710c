"""The methods' own panels: each family of methods shows what its epochs tell, known by the names of what they tell."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

from runs.catalogue import Space
from runs.log.history import History
from runs.log.indicators import COLLAPSED
from screens.models.panels import Panel, Part, Row, Rows
from screens.models.selection import RunSelection
from screens.views.extras import extras_panel
from screens.views.panels import black_box, dirichlet, morphing, sparse_codes, zero_cost
from screens.views.panels.context import PanelContext, context

FAMILIES = (dirichlet, sparse_codes, zero_cost, morphing, black_box)


def method_panel(history: History, selection: RunSelection, space: Space | None = None) -> Panel:
    """Return what the method tells of the chosen epoch; of an epoch in progress where the newest is looked at."""
    looked = context(history, selection, space)
    if looked is None:
        return Panel()
    parts: list[Part] = []
    known = {COLLAPSED}  # the figures say it
    for family in FAMILIES:
        if found := _parts(family.parts, looked):
            parts += found
            known |= family.EXTRAS
    rest = extras_panel(history, selection, frozenset(known))
    return dataclasses.replace(rest, parts=tuple(parts))


def _parts(made: Callable[[PanelContext], Iterable[Part]], looked: PanelContext) -> list[Part]:
    """Return a family's parts. Events may come from another version, or be broken: then the plain listing is left."""
    try:
        return list(made(looked))
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, ArithmeticError):
        return [
            Rows("what the method tells of this epoch has another form than this version knows", (Row("see below"),))
        ]
