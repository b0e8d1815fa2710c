"""The line into which text is typed or pasted."""

from __future__ import annotations

import unicodedata

from textual import events
from textual.binding import Binding
from textual.widgets import Input

_EDITS = {
    key.strip(): binding.action
    for binding in Input.BINDINGS
    if isinstance(binding, Binding) and binding.action != "submit"
    for key in binding.key.split(",")
}


class TextLine(Input):
    """Accepts printable characters; control characters, for instance in a pasted path, are dropped.

    Keys act in the order in which they arrive. Textual inserts letters at once, while a backspace takes a longer way
    through the bindings. On a slow connection, where both arrive together, letters would overtake it.
    """

    async def on_key(self, event: events.Key) -> None:
        """Run editing keys at once."""
        if event.key in _EDITS:
            event.stop()
            event.prevent_default()
            await self.run_action(_EDITS[event.key])

    def validate_value(self, value: str) -> str:
        """Return the text without control characters, but with the joiner of emoji."""
        if value.isprintable():
            return value
        return "".join(
            character
            for character in value
            if character == "\u200d" or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")
        )
