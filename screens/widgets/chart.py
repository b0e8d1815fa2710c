"""Curves over epochs. The one place that knows of plotext."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text
from textual.widget import Widget

from screens import palette
from screens.models import Curves, Series
from screens.palette import ASCII, BRAILLE, Palette

_COLOURS = ("sky", "orange", "green", "purple")
_STEPS = (1, 2, 2.5, 5)


class Chart(Widget):
    """Draws curves that differ without colour too: the first as a line, the others as dots of growing distance."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._curves: Curves | None = None

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
        colours = palette.of(self.app)
        if not any(series.points for series in curves.series):
            return Text(f"\n   no {curves.title} yet: the first epoch is under way", Style(dim=True))
        drawn = _plot(curves, width, height, colours)
        return colours.shown(drawn)


def legend(curves: Curves, colours: Palette) -> Text:
    """Return one line that names each curve with its mark."""
    told = Text()
    for place, series in enumerate(curves.series):
        mark = ("*" if colours.glyphs is ASCII else "━━") if not place else _letter(series, colours) or "┄┄"
        told.append("  " if place else "")
        told.append(f"{mark} {series.name}", colours.style(_COLOURS[place % len(_COLOURS)]))
    return told


def horizon(done: int, epochs: int) -> int:
    """Return the last epoch on the axis: all of them, or a round number early in a long run."""
    if epochs <= 0 or done * 4 >= epochs:
        return max(epochs, done, 2)
    round_numbers = (int(step * 10**power) for power in range(1, 8) for step in (1, 2, 5))
    return min(epochs, next(number for number in round_numbers if number >= 1.25 * done))


def ticks(low: float, high: float, most: int) -> list[float]:
    """Return at most ``most`` round numbers between two bounds."""
    if not high > low or most < 1:
        return [low]
    power = -12
    while True:
        for step in (part * 10.0**power for part in _STEPS):
            first, last = -(-low // step), high // step
            if last - first + 1 <= most:
                return [round(step * number, 12) for number in range(int(first), int(last) + 1)]
        power += 1


def _plot(curves: Curves, width: int, height: int, colours: Palette) -> Text:
    from textual_plotext.plot import Plot  # costs a tenth of the app's start

    plot = Plot()
    plot.theme("clear")
    plot.plotsize(width, height)
    plot._set_size(width, height)  # plotsize alone is capped by the terminal that plotext sees
    plot.xaxes(True, False)
    plot.yaxes(True, False)
    values = [value for series in curves.series for _, value in series.points]
    done = max(epoch for series in curves.series for epoch, _ in series.points)
    low, high, right = min(values), max(values), horizon(done, curves.epochs)
    margin = 0.05 * (high - low) or abs(high) * 0.05 or 1.0
    low, high = low - margin, high + margin
    plot.xlim(0, right)
    plot.ylim(low, high)
    marks = ticks(low, high, max(2, (height - 2) // 2))
    plot.yticks(marks, [f"{mark:g}" for mark in marks])
    marks = [mark for mark in ticks(0, right, max(2, width // 10)) if mark == int(mark)]
    plot.xticks(marks, [f"{int(mark)}" for mark in marks])
    if curves.cursor is not None:
        plot.vline(curves.cursor, _plotext_colour(colours, None))
    # The line lies on top: plotext keeps one curve a character, and dots would break it.
    for place, series in reversed(list(enumerate(curves.series))):
        points = _resampled(series, right, 2 * width, place * (4 if colours.glyphs is BRAILLE else 12))
        if not points:
            continue
        xs, ys = [x for x, _ in points], [y for _, y in points]
        marker = colours.glyphs.line if not place else _letter(series, colours) or colours.glyphs.dots
        draw = plot.plot if not place and len(points) > 1 else plot.scatter
        draw(xs, ys, marker=marker, color=_plotext_colour(colours, _COLOURS[place % len(_COLOURS)]))
    return Text.from_ansi(plot.build().rstrip("\n"))


def _resampled(series: Series, right: int, columns: int, every: int) -> list[tuple[float, float]]:
    """Return the points to draw: for a line no more than can be seen, for dots one every few columns of dots."""
    points = series.points
    if not every:
        stride = max(1, len(points) // max(1, columns))
        return [*points[:-1:stride], points[-1]] if points else []
    drawn, place = [], 0
    for column in range(0, columns, every):
        x = column / columns * right
        while place + 1 < len(points) and points[place + 1][0] < x:
            place += 1
        if points and points[0][0] <= x and place + 1 < len(points):
            (x0, y0), (x1, y1) = points[place], points[place + 1]
            drawn.append((x, y0 + (y1 - y0) * (x - x0) / (x1 - x0)))
    return [*drawn, points[-1]] if points else []


def _letter(series: Series, colours: Palette) -> str:
    return "" if colours.glyphs is BRAILLE else series.name[:1] if colours.glyphs is ASCII else colours.glyphs.dots


def _plotext_colour(colours: Palette, name: str | None) -> tuple[int, int, int] | str:
    if name is None or (colour := colours.colour(name)) is None:
        return "default"
    if colour.startswith("#"):
        return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
    return {"yellow": "orange", "cyan": "cyan", "green": "green", "magenta": "magenta"}.get(colour, "default")
