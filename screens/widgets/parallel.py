"""Parallel coordinates: an axis for each setting that varies, the last one for the figure, a line per combination."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text
from textual.widget import Widget

from screens import palette
from screens.formatting import fit
from screens.models.sweep import ParallelLine, ParallelView
from screens.palette import ASCII, BRAILLE, Palette
from screens.widgets.plot import Canvas

_DIM, _BOLD = Style(dim=True), Style(bold=True)
_LABEL = 12
_LEAST_ROWS = 4


class Parallel(Widget):
    """Draws the combinations; the best third, the others and the selected one differ in colour and in mark."""

    def __init__(self) -> None:
        super().__init__()
        self._view = ParallelView()

    def show(self, view: ParallelView) -> None:
        """Show combinations; nothing is drawn if they have not changed."""
        if view != self._view:
            self._view = view
            self.refresh()

    @property
    def text(self) -> str:
        """What is drawn."""
        return self.render().plain

    def render(self) -> Text:
        """Return the drawing for the current size."""
        view, (width, height) = self._view, self.size
        if view.note:
            return Text(f"\n  {view.note}", _DIM)
        if not view.axes or width < 30 or height < _LEAST_ROWS:
            return Text()
        return Text("\n").join(drawn(view, width, height, palette.of(self.app)))


def drawn(view: ParallelView, width: int, height: int, colours: Palette) -> list[Text]:
    """Return the lines of the drawing: titles of the axes, and below them the combinations."""
    rows = height - 1
    number = len(view.axes) + 1
    figures = [line.figure for line in view.lines if line.figure is not None]
    low, high = (min(figures), max(figures)) if figures else (0.0, 1.0)
    canvas = Canvas(width, rows, fine=colours.glyphs is BRAILLE)
    at = [_LABEL // 2 + place * (width - 1 - _LABEL) // max(1, number - 1) for place in range(number)]
    ranked = sorted(figures, reverse=True)
    good = ranked[max(0, (len(ranked) + 2) // 3 - 1)] if ranked else 0.0
    order = sorted(range(len(view.lines)), key=lambda index: (index == view.chosen, view.lines[index].figure or -1.0))
    for index in order:
        line = view.lines[index]
        colour = "orange" if index == view.chosen else "green" if (line.figure or -1.0) >= good else ""
        style = colours.style(colour, bold=index == view.chosen) if colour else _DIM
        canvas.pen(_mark(index == view.chosen, colour, colours), style)
        shares = _shares(view, line, low, high)
        for place in range(len(shares) - 1):
            canvas.stroke(at[place] * canvas.across, shares[place], at[place + 1] * canvas.across, shares[place + 1])
    chosen = view.lines[view.chosen] if view.chosen < len(view.lines) else None
    for place, axis in enumerate(view.axes):
        for index, value in enumerate(axis.values):
            mine = chosen is not None and chosen.places[place] == index
            canvas.label(
                at[place], _share(index, len(axis.values)), fit(value, min(len(value), _LABEL)), _BOLD if mine else _DIM
            )
    bounds = ((high, 0.0), (low, 1.0)) if high > low else ((high, 0.5),)
    for bound, share in bounds if figures else ():
        canvas.label(at[-1], share, f"{bound:.2f}", _DIM)
    if chosen is not None and chosen.figure is not None and high > low:
        canvas.label(at[-1], (high - chosen.figure) / (high - low), f"{chosen.figure:.2f}", _BOLD)
    heading = Text()
    titles = [*(axis.title for axis in view.axes), view.figure]
    for place, title in enumerate(titles):
        room = (at[1] - at[0] - 1) if number > 1 else width
        shown = fit(title, min(len(title), room))
        begin = max(heading.cell_len + (1 if place else 0), min(at[place] - len(shown) // 2, width - len(shown)))
        heading.append(" " * (begin - heading.cell_len) + shown, _DIM)
    return [heading, *canvas.lines(None)]


def _shares(view: ParallelView, line: ParallelLine, low: float, high: float) -> list[float]:
    """Return how far below the top a line crosses each axis, 0 to 1; without a figure it ends before the last."""
    shares = [_share(index, len(axis.values)) for index, axis in zip(line.places, view.axes, strict=True)]
    if line.figure is not None:
        shares.append((high - line.figure) / (high - low) if high > low else 0.5)
    return shares


def _share(index: int, number: int) -> float:
    return index / (number - 1) if number > 1 else 0.5


def _mark(chosen: bool, colour: str, colours: Palette) -> str:
    if colours.glyphs is BRAILLE:
        return ""
    if colours.glyphs is ASCII:
        return "#" if chosen else "*" if colour else "."
    return "█" if chosen else "▒" if colour else "░"
