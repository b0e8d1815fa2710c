"""The line that text is typed or pasted into."""

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
    """Takes what may stand in a name; what would act on the terminal, as in a pasted path, is left out.

    Keys act in the order in which they came. Textual would put letters in at once, and a backspace before them, which
    takes a longer way through the bindings, would find them there: over a slow line both come together.
    """

    async def on_key(self, event: events.Key) -> None:
        """Edit at once where the key is one that edits."""
        if event.key in _EDITS:
            event.stop()
            event.prevent_default()
            await self.run_action(_EDITS[event.key])

    def validate_value(self, value: str) -> str:
        """Return the text without control characters, and with the joiner that holds emoji together."""
        if value.isprintable():
            return value
        return "".join(
            character
            for character in value
            if character == "\u200d" or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")
        )
