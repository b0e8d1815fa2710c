"""The command palette: Textual's, which ends the app if its list is paged before it is laid out."""

from __future__ import annotations

from textual.command import CommandList, CommandPalette


class ActionPalette(CommandPalette):
    """Finds an action by its name."""

    def _action_command_list(self, action: str) -> None:
        # The index of lines is empty until the first entries are laid out, and Textual looks there without asking.
        if self.query_one(CommandList)._index_to_line:
            super()._action_command_list(action)
