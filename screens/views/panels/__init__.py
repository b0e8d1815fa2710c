"""The panels of methods: each family of methods shows the extras of its epochs, which it recognises by their names."""

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
    """Return the panel of the selected epoch; if the newest is selected, of the epoch in progress."""
    made_from = context(history, selection, space)
    if made_from is None:
        return Panel()
    parts: list[Part] = []
    known = {COLLAPSED}  # already among the figures
    for family in FAMILIES:
        if found := _parts(family.parts, made_from):
            parts += found
            known |= family.EXTRAS
    rest = extras_panel(history, selection, frozenset(known))
    return dataclasses.replace(rest, parts=tuple(parts))


def _parts(parts: Callable[[PanelContext], Iterable[Part]], made_from: PanelContext) -> list[Part]:
    """Return the parts of a family's panel. Damaged extras, or those of another version, are listed plainly instead."""
    try:
        return list(parts(made_from))
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, ArithmeticError):
        return [Rows("this version does not know the form of this epoch's extras", (Row("see below"),))]
