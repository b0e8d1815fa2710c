"""The figures of an epoch: names on the left, values behind them, a word beside each where it helps."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from screens.formatting import fit
from screens.models.panels import Fact
from screens.widgets.lines import Lines

_SHORTEST = 6  # of a name that was cut
_DIM, _BOLD = Style(dim=True), Style(bold=True)


def lines(facts: Sequence[Fact], width: int) -> list[Text]:
    """Return one line a figure; where there is little room a name is cut and a note left out, but never a value."""
    left = max((cell_len(fact.name) for fact in facts), default=0)
    right = max((cell_len(fact.value) for fact in facts), default=0)
    left = min(left, max(_SHORTEST, width - right - 3))
    drawn = []
    for place, fact in enumerate(facts):
        line = Text().append(f" {fit(fact.name, left)}  ", _DIM)
        line.append(fact.value, _BOLD if not place else Style.null())
        if fact.note and line.cell_len + len(fact.note) + 2 <= width:
            line.append(f"  {fact.note}", _DIM)
        drawn.append(line)
    return drawn


class Now(Lines[tuple[Fact, ...]]):
    """What the chosen epoch came to, or any other figures.

    Args:
        none: said while there are none.
    """

    def __init__(self, none: str = "nothing measured yet") -> None:
        super().__init__()
        self._none = none

    def build(self, view: tuple[Fact, ...], width: int) -> list[Text]:
        """Draw the figures."""
        return lines(view, width) or [Text(f" {self._none}", _DIM)]
