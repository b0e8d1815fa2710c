"""The line that text is typed or pasted into."""

from __future__ import annotations

import unicodedata

from textual.widgets import Input


class TextLine(Input):
    """Takes what may stand in a name; what would act on the terminal, as in a pasted path, is left out."""

    def validate_value(self, value: str) -> str:
        """Return the text without control characters, and with the joiner that holds emoji together."""
        if value.isprintable():
            return value
        return "".join(
            character
            for character in value
            if character == "\u200d" or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")
        )
