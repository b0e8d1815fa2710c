"""Choosing the metric, the axis and the smoothing of the curves."""

from __future__ import annotations

from screens.actions.screen_actions import ScreenActions
from screens.run.view_state import ViewState

# The numbers of epochs that curves can be averaged over.
_SMOOTH = (1, 5, 20)


class CurveActions(ScreenActions):
    """Which curves are drawn, and how.

    Args:
        state: what the screen shows.
    """

    def __init__(self, state: ViewState) -> None:
        self._state = state

    def action_curves(self, by: int) -> None:
        """Show the curves of the next metric."""
        self._state.select(curves=self._state.selection.curves + by)

    def action_log_axis(self) -> None:
        """Give curves a logarithmic axis, or a linear one again."""
        self._state.select(log=not self._state.selection.log)

    def action_smooth(self) -> None:
        """Average curves over more epochs; after the most, over none again."""
        smooth = self._state.selection.smooth
        index = _SMOOTH.index(smooth) if smooth in _SMOOTH else 0
        self._state.select(smooth=_SMOOTH[(index + 1) % len(_SMOOTH)])
