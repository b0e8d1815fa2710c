"""A genotype with its diagrams and everything known about it."""

from __future__ import annotations

import textwrap

from rich.style import Style
from rich.text import Text

from screens import palette
from screens.formatting import clean
from screens.models.genotypes import Detail, DetailView
from screens.widgets import wiring
from screens.widgets.lines import Lines

_DIM, _BOLD = Style(dim=True), Style(bold=True)
_LEAST_FACTS = 6


class GenotypeDetail(Lines[DetailView]):
    """Draws the heading, the diagrams, then the facts."""

    def build(self, view: DetailView, width: int) -> list[Text]:
        """Draw as many cells as fit, the selected kind first."""
        detail = view.detail
        lines = [Text(line, _BOLD) for line in textwrap.wrap(detail.heading, max(10, width))]
        cells = [*detail.cells[view.first :], *detail.cells[: view.first]]
        needed = sum(wiring.rows(cell) + 1 for _, cell in cells)
        drawn = cells if needed + _LEAST_FACTS <= view.rows else cells[:1]
        colours = palette.of(self.app)
        for kind, cell in drawn:
            if len(cells) > 1:
                others = "" if len(drawn) > 1 else f" · n shows {', '.join(clean(name) for name, _ in cells[1:])}"
                lines.append(Text(f"{clean(kind)}{others}", _DIM))
            lines += wiring.lines(cell, step=wiring.widest_step([cell], width), colours=colours)
        return lines + _facts(detail, width)


def _facts(detail: Detail, width: int) -> list[Text]:
    left = max((len(name) for name, _ in detail.facts), default=0) + 2
    lines = []
    for name, words in detail.facts:
        wrapped = textwrap.wrap(words, max(20, width - left))
        for number, part in enumerate(wrapped):
            line = Text(f"{'' if number else name:<{left}}", _DIM)
            lines.append(line.append(part, Style(dim=False)))
    return lines
