"""The selected epoch of a history, its genotype, and since when the genotype has been unchanged."""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runs.catalogue.genotype_text import text_of_json
from runs.errors import UsageError
from runs.genotypes.genotype import Cell, Genotype
from runs.log.events import EpochEnded
from runs.log.history import History
from screens.models.selection import RunSelection

# Larger cells are unreadable, and a damaged log must not block the screen.
_MOST_NODES, _MOST_EDGES = 40, 200


@dataclass(frozen=True)
class SelectedEpoch:
    """The selected epoch and cell.

    Attributes:
        event: the epoch; None before the first.
        index: its index in the history.
        newest: whether the newest epoch is followed.
        kinds: the kinds of cell of the epoch.
        kind: the selected one.
    """

    event: EpochEnded | None = None
    index: int = -1
    newest: bool = True
    kinds: tuple[str, ...] = ()
    kind: str = ""


def selected_epoch(history: History, selection: RunSelection) -> SelectedEpoch:
    """Return the selected epoch; if the history does not contain it, the nearest one before."""
    epochs = history.epochs
    if not epochs:
        return SelectedEpoch()
    index = len(epochs) - 1
    if selection.epoch is not None:
        index = max(0, bisect.bisect_right(epochs, selection.epoch, key=lambda done: done.epoch) - 1)
    event = epochs[index]
    kinds = tuple(event.architecture) or tuple(genotype_cells(event))
    kind = selection.cell if selection.cell in kinds else next(iter(kinds), "")
    return SelectedEpoch(event, index, selection.epoch is None, kinds, kind)


def unchanged_since(epochs: Sequence[EpochEnded], index: int) -> int:
    """Return the index of the first epoch with the genotype of the epoch at ``index``, without changes in between."""
    since = index
    while since > 0 and epochs[since - 1].genotype == epochs[index].genotype:
        since -= 1
    return since


def drawable_cell(event: EpochEnded, kind: str) -> Cell | None:
    """Return a cell of the epoch's genotype; None if there is none, or if it is too large to draw."""
    found = genotype_cells(event).get(kind)
    if found is None or len(found.edges) > _MOST_EDGES:
        return None
    nodes = [*found.outputs, *(edge.target for edge in found.edges), found.inputs]
    return found if max(nodes) <= _MOST_NODES and min(nodes) >= 0 else None


def genotype_text(event: EpochEnded) -> str:
    """Return the genotype of an epoch as text; as JSON if its space is unknown."""
    return text_of_json(event.genotype)


def genotype_cells(event: EpochEnded) -> Mapping[str, Cell]:
    """Return the cells of an epoch's genotype by kind; empty if it has no valid genotype."""
    try:
        return Genotype.from_json(event.genotype).cells if event.genotype is not None else {}
    except UsageError:
        return {}
