"""Curves, bands and levels as dots: two by four in a character of braille, one in block and ASCII glyphs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rich.style import Style
from rich.text import Text

from screens.models.charts import Band, Curves, Series
from screens.palette import ASCII, BRAILLE, Palette

COLOURS = ("sky", "orange", "green", "purple", "yellow", "vermillion")
_DIM, _PLAIN = Style(dim=True), Style.null()
_STEPS = (1, 2, 2.5, 5)
_LETTERS_APART = 18
# The dots of a braille character, by column and row.
_BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))


def lines(curves: Curves, width: int, height: int, colours: Palette) -> list[Text]:
    """Draw curves with their axes in ``height`` rows of at most ``width`` columns."""
    return draw(curves, width, height, colours).rows(curves.cursor)


def draw(curves: Curves, width: int, height: int, colours: Palette) -> Drawing:
    """Draw everything but the cursor."""
    scale = _Scale.of(curves)
    done = max((x for series in curves.series for x, _ in series.points), default=0)
    right = horizon(int(done), curves.epochs)
    rows = height - 2
    marks = scale.marks(max(2, rows // 2))
    labels = [f"{scale.value(mark):g}" for mark in marks]
    left = max(map(len, labels), default=0) + 1
    canvas = Canvas(max(1, width - left), max(1, rows), fine=colours.glyphs is BRAILLE)

    def column(x: float) -> int:
        return round(x / right * (canvas.wide - 1)) if 0 <= x <= right else -1

    for band in curves.bands:
        for across, low, high in _between(band, right, canvas.columns):
            canvas.fill(across, scale.share(high), scale.share(low), "░")
    for level in curves.levels:
        canvas.rule(scale.share(level.value))
    # The first curve is drawn last, on top of the others.
    for place, series in reversed(list(enumerate(curves.series))):
        style = colours.style(COLOURS[place % len(COLOURS)])
        canvas.pen(_mark(place, series, colours), style)
        if _is_whole(place, series):
            points = _thinned(series.points, 2 * canvas.wide)
            for (x0, y0), (x1, y1) in itertools.pairwise([*points[:1], *points]):
                canvas.stroke(column(x0), scale.share(y0), column(x1), scale.share(y1))
        else:
            every = 0 if series.dots else place * (4 if canvas.fine else 3)
            for x, y in _dotted(series, right, canvas.wide, every):
                canvas.dot(column(x), scale.share(y))
    for level in curves.levels:
        canvas.write(scale.share(level.value), level.name)
    for place, series in enumerate(curves.series):
        if series.letter:
            canvas.pen(series.letter, colours.style(COLOURS[place % len(COLOURS)], bold=True))
            for x, y in _lettered(series, right, canvas.columns, place, len(curves.series)):
                canvas.dot(column(x), scale.share(y))
    at = {canvas.row(scale.share(mark)): label for mark, label in zip(marks, labels, strict=True)}
    return Drawing(canvas, at, left, right)


def legend(curves: Curves, colours: Palette) -> Text:
    """Return one line that names each curve with its mark."""
    line = Text()
    for place, series in enumerate(curves.series):
        if series.letter:
            line.append(" " if place else "")
            line.append(f"━{series.letter}", colours.style(COLOURS[place % len(COLOURS)]))
            continue
        whole = "*" if colours.glyphs is ASCII else "━━"
        mark = whole if not place and not series.dots else _mark(place, series, colours) or "┄┄"
        line.append("  " if place else "")
        line.append(f"{mark} {series.name}", colours.style(COLOURS[place % len(COLOURS)]))
    for band in curves.bands:
        line.append(f"  ░ {band.name}", _DIM)
    return line


def run_style(place: int, colours: Palette) -> Style:
    """Return the style of the curve with an index, for everything else that belongs to its run."""
    return colours.style(COLOURS[place % len(COLOURS)], bold=True)


def horizon(done: int, epochs: int) -> int:
    """Return the last epoch on the axis: the planned number, or a round number early in a long run."""
    if epochs <= 0 or done * 4 >= epochs:
        return max(epochs, done, 2)
    round_numbers = (int(step * 10**power) for power in range(1, 8) for step in (1, 2, 5))
    return min(epochs, next(number for number in round_numbers if number >= 1.25 * done))


def ticks(low: float, high: float, most: int) -> list[float]:
    """Return at most ``most`` round numbers between two bounds."""
    if not high > low or most < 1:
        return [low]
    power = math.floor(math.log10((high - low) / most)) - 1
    while True:
        for step in (part * 10.0**power for part in _STEPS):
            first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
            if last - first + 1 <= most:
                return [round(step * number, 12) for number in range(first, last + 1)]
        power += 1


@dataclass(frozen=True)
class Drawing:
    """Curves as drawn; moving the cursor through them costs almost nothing."""

    canvas: Canvas
    labels: dict[int, str]
    left: int
    right: int

    def rows(self, cursor: float | None = None) -> list[Text]:
        """Return the rows with a vertical line at the cursor, behind everything else."""
        columns = self.canvas.columns
        post = None if cursor is None else round(cursor / self.right * (columns - 1))
        drawn = []
        for row, content in enumerate(self.canvas.lines(post)):
            label = self.labels.get(row, "")
            axis = f"{label:>{self.left - 1}}" + ("┤" if label else "│")
            drawn.append(Text().append(axis, _DIM).append_text(content))
        return [*drawn, *_axis(self.left, columns, self.right)]


@dataclass(frozen=True)
class _Scale:
    """The vertical axis, in values or in their decimal logarithms."""

    low: float
    high: float
    log: bool

    @classmethod
    def of(cls, curves: Curves) -> _Scale:
        values = [y for series in curves.series for _, y in series.points]
        values += [value for band in curves.bands for _, low, high in band.points for value in (low, high)]
        values += [level.value for level in curves.levels]
        log = curves.log and any(value > 0 for value in values)
        scaled = [math.log10(value) if log else value for value in values if not log or value > 0] or [0.0, 1.0]
        low, high = min(scaled), max(scaled)
        margin = 0.05 * (high - low) or (0.5 if log else abs(high) * 0.05 or 1.0)
        return cls(low - margin, high + margin, log)

    def share(self, value: float) -> float:
        """Return how far below the top a value is, 0 to 1; NaN if it has no logarithm."""
        if self.log and value <= 0:
            return math.nan
        return (self.high - (math.log10(value) if self.log else value)) / (self.high - self.low)

    def marks(self, most: int) -> list[float]:
        """Return the values to label."""
        if not self.log:
            return ticks(self.low, self.high, most)
        whole = range(math.ceil(self.low), math.floor(self.high) + 1)
        every = -(-len(whole) // most) or 1
        decades = [10.0**power for power in whole[::every]]
        if len(decades) > 1:
            return decades
        return [mark for mark in ticks(10**self.low, 10**self.high, most) if mark > 0]

    def value(self, mark: float) -> float:
        """Return the label of a mark as a value, with no more digits than needed."""
        return float(f"{mark:.6g}")


@dataclass
class Canvas:
    """Characters and their dots. Later drawing goes on top; a character has one style."""

    columns: int
    rows: int
    fine: bool
    cells: dict[tuple[int, int], tuple[str, Style]] = field(default_factory=dict)
    dots: dict[tuple[int, int], tuple[int, Style]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.across, self.down = (2, 4) if self.fine else (1, 1)
        self.wide, self.high = self.columns * self.across, self.rows * self.down
        self._mark, self._style = "*", _PLAIN

    def pen(self, mark: str, style: Style) -> None:
        """Draw with a mark from now on; an empty one means braille dots."""
        self._mark, self._style = mark, style

    def row(self, share: float) -> int:
        """Return the row of characters that a share lies in."""
        return self._dot_row(share) // self.down

    def dot(self, x: int, share: float) -> None:
        """Put one dot."""
        if math.isfinite(share):
            self._put(x, self._dot_row(share))

    def stroke(self, x0: int, share0: float, x1: int, share1: float) -> None:
        """Draw a straight line; if one end is missing, draw only the other."""
        if not (math.isfinite(share0) and math.isfinite(share1)):
            self.dot(x1, share1)
            return
        y0, y1 = self._dot_row(share0), self._dot_row(share1)
        steps = max(abs(x1 - x0), abs(y1 - y0), 1)
        for step in range(steps + 1):
            self._put(x0 + (x1 - x0) * step // steps, round(y0 + (y1 - y0) * step / steps))

    def fill(self, column: int, top: float, bottom: float, mark: str) -> None:
        """Shade a column of characters between two shares."""
        if math.isfinite(top) and math.isfinite(bottom):
            for row in range(self.row(top), self.row(bottom) + 1):
                self.cells[row, column] = (mark, _DIM)

    def rule(self, share: float) -> None:
        """Draw a dashed line across."""
        if math.isfinite(share):
            self.cells |= {(self.row(share), column): ("╌", _DIM) for column in range(self.columns)}

    def write(self, share: float, text: str) -> None:
        """Write text at the right end, over everything."""
        if not math.isfinite(share):
            return
        row, first = self.row(share), self.columns - len(text)
        for column, character in enumerate(text, start=first):
            self.dots.pop((row, column), None)
            self.cells[row, column] = (character, _DIM)

    def label(self, column: int, share: float, text: str, style: Style) -> None:
        """Write text around a column, over everything."""
        first = max(0, min(column - len(text) // 2, self.columns - len(text)))
        for place, character in enumerate(text, start=first):
            self.dots.pop((self.row(share), place), None)
            self.cells[self.row(share), place] = (character, style)

    def lines(self, post: int | None) -> Iterator[Text]:
        """Yield the rows, with a vertical line in the free cells of a column."""
        for row in range(self.rows):
            line, begun, style = Text(), "", _PLAIN
            for column in range(self.columns):
                if (dots := self.dots.get((row, column))) is not None:
                    shown, own = chr(0x2800 + dots[0]), dots[1]
                else:
                    shown, own = self.cells.get((row, column), (" ", _PLAIN))
                    if column == post and shown in " ░╌":
                        shown, own = "│", _DIM
                if own is not style:
                    line.append(begun, style)
                    begun, style = "", own
                begun += shown
            yield line.append(begun, style)

    def _dot_row(self, share: float) -> int:
        return min(self.high - 1, max(0, round(share * (self.high - 1))))

    def _put(self, x: int, y: int) -> None:
        if not 0 <= x < self.wide:
            return
        place = y // self.down, x // self.across
        if self._mark:
            self.cells[place] = (self._mark, self._style)
            self.dots.pop(place, None)
        else:
            before, style = self.dots.get(place, (0, self._style))
            # A character has one style: the later curve replaces the dots of the earlier one.
            kept = before if style == self._style else 0
            self.dots[place] = (kept | _BITS[x % 2][y % 4], self._style)


def _axis(left: int, columns: int, right: int) -> list[Text]:
    """Return the horizontal axis and its labels."""
    marks = [int(mark) for mark in ticks(0, right, max(2, columns // 10)) if mark == int(mark)]
    line, labels = ["─"] * columns, [" "] * columns
    for mark in marks:
        column = min(columns - 1, round(mark / right * (columns - 1)))
        line[column] = "┬"
        begin = max(0, min(column - len(str(mark)) // 2, columns - len(str(mark))))
        labels[begin : begin + len(str(mark))] = str(mark)
    return [Text(" " * (left - 1) + "└" + "".join(line), _DIM), Text(" " * left + "".join(labels), _DIM)]


def _thinned(points: Sequence[tuple[float, float]], most: int) -> list[tuple[float, float]]:
    """Return no more points than are visible."""
    stride = max(1, len(points) // max(1, most))
    return [*points[:-1:stride], points[-1]] if points else []


def _dotted(series: Series, right: int, columns: int, every: int, *, begin: int = 0) -> list[tuple[float, float]]:
    """Return a dot every few columns on the lines between points; if ``every`` is 0, return all points."""
    points = series.points
    if not every:
        return list(points)
    drawn, place = [], 0
    for column in range(begin, columns, every):
        x = column / columns * right
        while place + 1 < len(points) and points[place + 1][0] < x:
            place += 1
        if points and points[0][0] <= x and place + 1 < len(points):
            (x0, y0), (x1, y1) = points[place], points[place + 1]
            drawn.append((x, y0 + (y1 - y0) * (x - x0) / (x1 - x0)))
    return [*drawn, points[-1]] if points else []


def _lettered(series: Series, right: int, columns: int, place: int, of: int) -> list[tuple[float, float]]:
    """Return the positions of a curve's letter: every few columns, away from those of other curves."""
    apart = max(_LETTERS_APART, 3 * of)
    on_line = _dotted(series, right, columns, apart, begin=apart // 2 + place * apart // of)
    return on_line[:-1] or on_line


def _is_whole(place: int, series: Series) -> bool:
    """Return whether a curve is a line: the first one, and those with letters."""
    return (place == 0 or bool(series.letter)) and not series.dots


def _between(band: Band, right: int, columns: int) -> Iterator[tuple[int, float, float]]:
    """Yield (column, low, high) for every column of characters that a band spans."""
    pairs = itertools.pairwise(band.points) if len(band.points) > 1 else [(point, point) for point in band.points]
    for (x0, low0, high0), (x1, low1, high1) in pairs:
        first, last = (round(x / right * (columns - 1)) for x in (x0, x1))
        for at in range(first, last + 1):
            share = (at - first) / max(1, last - first)
            yield at, low0 + share * (low1 - low0), high0 + share * (high1 - high0)


def _mark(place: int, series: Series, colours: Palette) -> str:
    """Return the mark of a curve: letters distinguish curves if there are neither colours nor fine dots."""
    if colours.glyphs is BRAILLE:
        return "•" if series.dots else ""
    if series.letter:
        return series.letter
    if _is_whole(place, series):
        return colours.glyphs.line
    return series.name[:1] if colours.glyphs is ASCII else colours.glyphs.dots
