"""The command palette: Textual's, which ends the app if its list is used before it is there or after it has gone."""

from __future__ import annotations

import inspect

from textual import work
from textual.command import CommandList, CommandPalette, SearchIcon
from textual.css.query import NoMatches

from screens.actions.closing import Punctual


class ActionPalette(Punctual, CommandPalette):
    """Finds an action by its name."""

    def on_mount(self) -> None:
        """Show the key in place of a picture that not every terminal has."""
        self.query_one(SearchIcon).icon = ":"

    @work(exclusive=True, group=CommandPalette._GATHER_COMMANDS_GROUP)
    async def _gather_commands(self, search_value: str) -> None:
        # What was typed last is still looked up when the palette has been closed, and its list removed.
        try:
            await inspect.unwrap(CommandPalette._gather_commands)(self, search_value)
        except NoMatches:
            if self.is_attached and not self._pruning:
                raise

    def _action_command_list(self, action: str) -> None:
        # The index of lines is empty until the first entries are laid out, and Textual looks there without asking.
        if self.query_one(CommandList)._index_to_line:
            super()._action_command_list(action)
