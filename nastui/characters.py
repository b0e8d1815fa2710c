"""The characters of the terminal: a filter replaces all others in everything drawn, including borders."""

from __future__ import annotations

import itertools

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from screens.palette import Palette


class Characters(LineFilter):
    """Shows every line in the glyphs of a palette; the width of every character stays."""

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self.palette = palette

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments in these glyphs."""
        return [Segment(self._shown(text), style, control) for text, style, control in segments]

    def _shown(self, text: str) -> str:
        if text.isascii():
            return text
        plain = self.palette.plain(text)
        if cell_len(plain) != cell_len(text):
            # A wide character becomes two; one that only modifies or joins its predecessors is left out.
            ends = [cell_len(text[:end]) for end in range(len(text) + 1)]
            wide = (after - before for before, after in itertools.pairwise(ends))
            plain = "".join(character * cells for character, cells in zip(plain, wide, strict=True))
        return plain
