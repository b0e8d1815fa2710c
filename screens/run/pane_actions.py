"""Selecting, maximising and scrolling the panes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from screens.actions.screen_actions import ScreenActions
from screens.run.view_state import ViewState
from screens.widgets.lines import Lines
from screens.widgets.pane import Pane


class PaneActions(ScreenActions):
    """Which pane is selected.

    Args:
        state: what the screen shows.
        panes: the panes by number.
    """

    def __init__(self, state: ViewState, panes: Mapping[int, Pane]) -> None:
        self._state, self._panes = state, panes

    def action_pane(self, number: int) -> None:
        """Select a pane; selected again, it is maximised or restored."""
        self._state.select_panes(self._state.panes.press(number))

    def action_next_pane(self, by: int) -> None:
        """Select the next pane."""
        self.action_pane(self._state.panes.after(by, len(self._panes)))

    def action_zoom(self) -> None:
        """Maximise the selected pane, or restore it."""
        self.action_pane(self._state.panes.pane)

    def action_unzoom(self) -> None:
        """Show all panes."""
        self._state.select_panes(dataclasses.replace(self._state.panes, zoomed=False))

    def action_scroll(self, by: int) -> None:
        """Scroll the selected pane."""
        content = self._panes[self._state.panes.pane].content
        if isinstance(content, Lines):
            content.scroll_relative(y=by, animate=False)
