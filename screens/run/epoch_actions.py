"""Selecting an epoch of a run, which all panes show; holding a live run, playing a past one, and marking an epoch."""

from __future__ import annotations

from collections.abc import Callable

from screens.actions.screen import ActionScreen
from screens.actions.screen_actions import ScreenActions
from screens.run.view_state import Playback, ViewState


class EpochActions(ScreenActions):
    """Which epoch the panes show.

    Args:
        screen: shows the notifications.
        state: what the screen shows.
        is_live: returns whether the run has an engine.
    """

    def __init__(self, screen: ActionScreen[None], state: ViewState, is_live: Callable[[], bool]) -> None:
        self._screen, self._state, self._is_live = screen, state, is_live

    def select(self, epoch: int | None, playback: Playback = "") -> None:
        """Select an epoch; None follows the newest."""
        self._state.playback = playback
        self._state.select(epoch=epoch)

    def action_epoch(self, by: int) -> None:
        """Move the selected epoch; after the last one follow the newest."""
        epochs = self._state.history.epochs
        index = self._state.selected.index + by
        if epochs:
            self.select(None if index >= len(epochs) else epochs[max(0, index)].epoch)

    def action_first(self) -> None:
        """Go to the first epoch."""
        epochs = self._state.history.epochs
        self.select(epochs[0].epoch if epochs else None)

    def action_newest(self) -> None:
        """Go to the newest epoch and follow the run."""
        self.select(None)

    def action_hold(self) -> None:
        """Hold a live view, or follow the run again; play a past run, or stop playing."""
        epochs, epoch = self._state.history.epochs, self._state.selection.epoch
        if not epochs:
            return
        if self._state.playback == "held":
            self.select(None)
        elif self._state.playback == "playing":
            self.select(epoch)
        elif epoch is None and self._is_live():
            self.select(epochs[-1].epoch, "held")
        else:
            self.select(epoch or epochs[0].epoch, "playing")

    def play(self) -> None:
        """Advance by one epoch; playing ends at the last."""
        epochs, index = self._state.history.epochs, self._state.selected.index + 1
        if index >= len(epochs):
            self.select(None)
        else:
            self.select(epochs[index].epoch, "playing")

    def action_mark(self) -> None:
        """Compare cells with the selected epoch, or with the last change again."""
        event = self._state.selected.event
        if event is None:
            return
        mark = None if self._state.selection.mark == event.epoch else event.epoch
        self._screen.say(f"Cells are compared with {'their last change' if mark is None else f'epoch {mark}'}.")
        self._state.select(mark=mark)
