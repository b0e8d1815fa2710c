"""Selecting a kind of cell, an edge and an operation."""

from __future__ import annotations

from screens.actions.screen_actions import ScreenActions
from screens.run.view_state import CURVES, LOG, ViewState
from screens.views.weights import weights_matrix


class CellActions(ScreenActions):
    """Which cell, edge and operation the panes show.

    Args:
        state: what the screen shows.
    """

    def __init__(self, state: ViewState) -> None:
        self._state = state

    def action_kind(self, by: int) -> None:
        """Show the next kind of cell; in the curves the next metric, in the log the next hit."""
        state = self._state
        if state.panes.pane == LOG and state.log.text:
            state.select_log(hit=state.log.hit + by)
        elif state.panes.pane == CURVES:
            state.select(curves=state.selection.curves + by)
        elif kinds := state.selected.kinds:
            state.select(cell=kinds[(kinds.index(state.selected.kind) + by) % len(kinds)])

    def action_edge(self, by: int) -> None:
        """Select the next edge: its weights, margin and history are shown."""
        selected, edge = self._state.selected, self._state.selection.edge
        snapshot = selected.event.architecture.get(selected.kind) if selected.event else None
        if snapshot is not None and snapshot.edges:
            index = (0 if by > 0 else -1) if edge is None else edge + by
            self._state.select(edge=index % len(snapshot.edges), operation=None)

    def action_operation(self, by: int) -> None:
        """Select the next operation of the edge; if no edge is selected, select the first."""
        matrix = weights_matrix(self._state.history, self._state.selection)
        if matrix is None or not matrix.columns:
            return
        if matrix.focus is None:
            self.action_edge(1)
        else:
            self._state.select(operation=(matrix.focus[1] + by) % len(matrix.columns))

    def leave_edge(self) -> bool:
        """Deselect the edge; return whether one was selected."""
        if self._state.selection.edge is None:
            return False
        self._state.select(edge=None, operation=None)
        return True
