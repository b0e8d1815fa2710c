"""Curves over epochs, as large as the pane that shows them."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text
from textual.widget import Widget

from screens import palette
from screens.models import Curves
from screens.widgets import plot


class Chart(Widget):
    """Draws curves that differ without colour too: the first as a line, the others as dots of growing distance."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._curves: Curves | None = None

    @property
    def curves(self) -> Curves | None:
        """What is shown."""
        return self._curves

    def show(self, curves: Curves) -> None:
        """Show curves; nothing is drawn where they equal the ones before."""
        if curves != self._curves:
            self._curves = curves
            self.refresh()

    def render(self) -> Text:
        """Return the chart for the size at hand."""
        curves, (width, height) = self._curves, self.size
        if curves is None or width < 16 or height < 4:
            return Text()
        if not any(series.points for series in curves.series):
            return Text(f"\n   no {curves.title} yet: the first epoch is under way", Style(dim=True))
        colours = palette.of(self.app)
        return colours.shown(Text("\n").join(plot.lines(curves, width, height, colours)))
