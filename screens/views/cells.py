"""The cell that a search would return after the selected epoch."""

from __future__ import annotations

from runs.catalogue import operation_kind
from runs.genotypes.genotype import Cell, edge_label
from runs.genotypes.kinds import OperationKind
from runs.log.history import History
from screens.formatting import count, operation_label
from screens.models.cells import CellView, Ends
from screens.models.panels import Matrix
from screens.models.selection import RunSelection
from screens.views.epochs import drawable_cell, selected_epoch, unchanged_since
from screens.views.weights import decided_matrix, focus_of

_NEAR_TIE = 0.02


def cell_view(history: History, selection: RunSelection) -> CellView:
    """Return the cell that the search would return after the selected epoch, and what changed."""
    selected = selected_epoch(history, selection)
    if selected.event is None:
        return CellView(None)
    found = drawable_cell(selected.event, selected.kind)
    if found is None:
        return CellView(None, caption=("this epoch has no genotype that can be drawn",))
    since = unchanged_since(history.epochs, selected.index)
    against = since - 1
    if selection.mark is not None:
        against = selected_epoch(history, RunSelection(epoch=selection.mark)).index
    earlier = drawable_cell(history.epochs[against], selected.kind) if against >= 0 else None
    changes = _changes(earlier, found) if earlier is not None else {}
    stood = selected.event.epoch - history.epochs[since].epoch
    told = f"stood {count(stood, 'epoch')}"
    if selection.mark is not None:
        told += f" · against epoch {history.epochs[against].epoch}"
    elif since:
        told += f" · last change at {history.epochs[since].epoch}"
    else:
        told += " · never changed"
    listed = ", ".join(changes.values())
    unused = sum(operation_kind(edge.operation) is OperationKind.NONE for edge in found.edges)
    caption = [told + (f" · none on {count(unused, 'edge')}" if unused else "")]
    if selection.mark is not None and not changes:
        listed = "no difference"
    if listed:
        caption.append(f"* {listed}")
    changed = frozenset((edge.source, edge.target) for edge in found.edges if (edge.source, edge.target) in changes)
    drawn = decided_matrix(selected.event, selected.kind) if selected.kind in selected.event.architecture else None
    focused = focus_of(history, selection, selected, drawn) if drawn is not None else None
    if focused is not None:
        caption = [*focused.notes[:2], *caption]
    return CellView(found, changed, _ties(drawn), tuple(caption), focused.ends if focused else None)


def _changes(earlier: Cell, later: Cell) -> dict[Ends, str]:
    """Return what became of each edge that is not as it was, in words."""
    before = {(edge.source, edge.target): edge.operation for edge in earlier.edges}
    after = {(edge.source, edge.target): edge.operation for edge in later.edges}
    changes = {}
    for edge in sorted(before.keys() | after.keys(), key=lambda edge: (edge[1], edge[0])):
        if before.get(edge) != after.get(edge):
            was, now = (operation_label(found[edge]) if edge in found else "-" for found in (before, after))
            changes[edge] = f"{edge_label(*edge)} {was}→{now}"
    return changes


def _ties(drawn: Matrix | None) -> frozenset[Ends]:
    """Return the edges of the genotype whose two largest weights are less than two percentage points apart."""
    if drawn is None:
        return frozenset()
    edges = zip(drawn.edges, drawn.margin, drawn.chosen, strict=False)
    return frozenset(edge for edge, margin, taken in edges if margin < _NEAR_TIE and taken >= 0)
