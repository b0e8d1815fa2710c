"""Curves over epochs, as large as the pane that shows them."""

from __future__ import annotations

import dataclasses

from rich.style import Style
from rich.text import Text
from textual.widget import Widget

from screens import palette
from screens.models.charts import Curves
from screens.palette import Palette
from screens.widgets import plot


class Chart(Widget):
    """Draws curves that differ even without colour: the first as a line, the others as dots with growing gaps."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._curves: Curves | None = None
        self._drawing: tuple[object, plot.Drawing] | None = None

    @property
    def curves(self) -> Curves | None:
        """The curves that are shown."""
        return self._curves

    def show(self, curves: Curves) -> None:
        """Show curves; nothing is drawn if they have not changed."""
        if curves != self._curves:
            self._curves = curves
            self.refresh()

    def render(self) -> Text:
        """Return the chart for the current size."""
        curves, (width, height) = self._curves, self.size
        if curves is None or width < 16 or height < 4:
            return Text()
        if not any(series.points for series in curves.series):
            why = "in its epochs" if curves.has_epochs else "yet: the first epoch is running"
            return Text(f"\n   no {curves.title} {why}", Style(dim=True))
        colours = palette.of(self.app)
        rows = self._drawn(curves, width, height, colours).rows(curves.cursor)
        return Text("\n").join(rows)

    def _drawn(self, curves: Curves, width: int, height: int, colours: Palette) -> plot.Drawing:
        """Return the drawing, made anew only if more than the cursor has changed."""
        made_of = dataclasses.replace(curves, cursor=None), width, height, colours
        if self._drawing is None or self._drawing[0] != made_of:
            self._drawing = made_of, plot.draw(curves, width, height, colours)
        return self._drawing[1]
