"""Showing less of the log, and finding a text in it."""

from __future__ import annotations

from screens.actions.screen import ActionScreen
from screens.actions.screen_actions import ScreenActions
from screens.run.view_state import LOG, ViewState
from screens.widgets.ask_line import AskLine


class LogActions(ScreenActions):
    """Which lines of the log are shown. The log opens if it is not visible.

    Args:
        screen: asks for the text.
        state: what the screen shows.
    """

    def __init__(self, screen: ActionScreen[None], state: ViewState) -> None:
        self._screen, self._state = screen, state

    def action_log_level(self) -> None:
        """Show less of the log; after the least, everything again."""
        self._open()
        self._state.select_log(level=self._state.log.next_level(), hit=0)

    async def action_find(self) -> None:
        """Ask for a text, and go to the last line of the log that contains it."""
        text = await self._screen.ask(AskLine("Find in the log:", self._state.log.text))
        if text is not None:
            self._open()
            self._state.select_log(text=text.strip(), hit=0)

    def _open(self) -> None:
        if LOG not in self._state.visible:
            self._state.select_panes(self._state.panes.press(LOG))
