"""The cell that a search would return after the selected epoch."""

from __future__ import annotations

from runs.catalogue import operation_kind
from runs.formatting import count
from runs.genotypes.genotype import Cell, edge_label
from runs.genotypes.kinds import OperationKind
from runs.log.history import History
from screens.formatting import operation_label
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
    cell = drawable_cell(selected.event, selected.kind)
    if cell is None:
        return CellView(None, caption=("no cell at this epoch that can be drawn",))
    since = unchanged_since(history.epochs, selected.index)
    against = since - 1
    if selection.mark is not None:
        against = selected_epoch(history, RunSelection(epoch=selection.mark)).index
    earlier = drawable_cell(history.epochs[against], selected.kind) if against >= 0 else None
    changes = _changes(earlier, cell) if earlier is not None else {}
    unchanged = selected.event.epoch - history.epochs[since].epoch
    line = f"unchanged for {count(unchanged, 'epoch')}" if unchanged else "new at this epoch"
    if selection.mark is not None:
        line += f" · compared with epoch {history.epochs[against].epoch}"
    elif unchanged:
        line += f" · last change at epoch {history.epochs[since].epoch}" if since else " · never changed"
    differences = ", ".join(changes.values())
    unused = sum(operation_kind(edge.operation) is OperationKind.NONE for edge in cell.edges)
    caption = [line + (f" · none on {count(unused, 'edge')}" if unused else "")]
    if selection.mark is not None and not changes:
        differences = "no difference"
    if differences:
        caption.append(f"* {differences}")
    changed = frozenset((edge.source, edge.target) for edge in cell.edges if (edge.source, edge.target) in changes)
    matrix = decided_matrix(selected.event, selected.kind) if selected.kind in selected.event.architecture else None
    focused = focus_of(history, selection, selected, matrix) if matrix is not None else None
    if focused is not None:
        caption = [*focused.notes[:2], *caption]
    return CellView(cell, changed, _ties(matrix), tuple(caption), focused.ends if focused else None)


def _changes(earlier: Cell, later: Cell) -> dict[Ends, str]:
    """Return the edges that differ, each with its change in words."""
    before = {(edge.source, edge.target): edge.operation for edge in earlier.edges}
    after = {(edge.source, edge.target): edge.operation for edge in later.edges}
    changes = {}
    for edge in sorted(before.keys() | after.keys(), key=lambda edge: (edge[1], edge[0])):
        if before.get(edge) != after.get(edge):
            was, now = (operation_label(kept[edge]) if edge in kept else "-" for kept in (before, after))
            changes[edge] = f"{edge_label(*edge)} {was}→{now}"
    return changes


def _ties(matrix: Matrix | None) -> frozenset[Ends]:
    """Return the edges of the genotype whose two largest weights are less than two percentage points apart."""
    if matrix is None:
        return frozenset()
    edges = zip(matrix.edges, matrix.margin, matrix.chosen, strict=False)
    return frozenset(edge for edge, margin, taken in edges if margin < _NEAR_TIE and taken >= 0)
