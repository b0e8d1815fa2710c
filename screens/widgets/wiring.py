"""The wiring diagram of a cell: one lane for each state, one column for each edge, the operation beside its wire.

The layout depends only on the cell, so an edge keeps its position from epoch to epoch. A filled circle taps a lane, a
cross passes over it, and an arrow joins the edges that enter a node, so nothing is ambiguous.
"""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from rich.style import Style
from rich.text import Text

from runs.catalogue import operation_kind
from runs.genotypes.genotype import Cell, Edge
from runs.genotypes.kinds import OperationKind
from screens import palette
from screens.formatting import operation_label
from screens.models.cells import CellView, Ends
from screens.palette import BRAILLE, Palette
from screens.widgets.lines import Lines

STEPS = (8, 6, 5)
"""The columns that an edge can have. With 5, operations are named by four characters."""
_WIDE = STEPS[0]
_DIM, _PLAIN = Style(dim=True), Style.null()


def lines(
    cell: Cell,
    changed: Collection[Ends] = (),
    *,
    ties: Collection[Ends] = (),
    ascii: bool = False,
    step: int = _WIDE,
    colours: Palette | None = None,
    focus: Ends | None = None,
) -> list[Text]:
    """Draw a cell. Edges that carry ``none`` are left out.

    Args:
        cell: the cell, of any number of inputs and nodes.
        changed: edges drawn heavy, their operation marked with ``*``.
        ties: edges drawn dashed.
        ascii: draw only with ``- | + > o``.
        step: the columns of each edge.
        colours: the colours of operations; without them, nothing is coloured.
        focus: the selected edge, whose operation is reversed.
    """
    shades = colours or Palette(BRAILLE, "none")
    canvas = _draw(cell, changed, ties, step, shades, focus)
    drawn = canvas.rows()
    return [palette.Palette(palette.ASCII, "none").shown(row) for row in drawn] if ascii else drawn


def columns(cell: Cell, step: int = _WIDE) -> int:
    """Return how many columns a cell needs."""
    return _left(step) + step * max(len(_edges(cell)), 1) + (6 if step == _WIDE else 5)


def widest_step(cells: Iterable[Cell], width: int) -> int:
    """Return the most columns for each edge with which all cells fit into a width; the fewest if they never do."""
    drawn = list(cells)
    return next((step for step in STEPS if all(columns(cell, step) <= width for cell in drawn)), STEPS[-1])


def label(cell: Cell, state: int) -> str:
    """Return the name of a state; two inputs are the outputs of the two previous cells."""
    if cell.inputs == 2 and state < 2:
        return f"k-{2 - state}"
    return str(state)


def rows(cell: Cell) -> int:
    """Return how many rows a cell needs."""
    return 2 * _states(cell) - 1


class Wiring(Lines[CellView]):
    """The diagram of the cell that the search would return."""

    def build(self, view: CellView, width: int) -> list[Text]:
        """Draw the diagram as wide as it fits, above its caption."""
        if view.cell is None:
            return [Text(f" {line}", _DIM) for line in view.caption or ("no cell derived yet",)]
        step = widest_step([view.cell], width)
        drawn = lines(
            view.cell, view.changed, ties=view.ties, step=step, colours=palette.of(self.app), focus=view.focus
        )
        room = max(20, width - 1)
        return drawn + [Text(f" {part}", _DIM) for line in view.caption for part in textwrap.wrap(line, room)]


@dataclass
class _Canvas:
    """Characters by position; later ones go on top."""

    cells: dict[tuple[int, int], tuple[str, Style]] = field(default_factory=dict)

    def put(self, row: int, column: int, text: str, style: Style = _PLAIN) -> None:
        for offset, character in enumerate(text):
            self.cells[row, column + offset] = (character, style)

    def rows(self) -> list[Text]:
        drawn = []
        for row in range(1 + max(row for row, _ in self.cells)):
            taken = [column for at, column in self.cells if at == row]
            characters = (self.cells.get((row, column), (" ", _PLAIN)) for column in range(1 + max(taken, default=-1)))
            line = Text()
            for style, run in itertools.groupby(characters, key=lambda drawn: drawn[1]):
                line.append("".join(character for character, _ in run), style)
            drawn.append(line)
        return drawn


def _left(step: int) -> int:
    """Return the column of the first edge."""
    return 4 if step == STEPS[-1] else 6


def _states(cell: Cell) -> int:
    return 1 + max([cell.inputs - 1, *cell.outputs, *(edge.target for edge in cell.edges)])


def _edges(cell: Cell) -> list[Edge]:
    kept = [edge for edge in cell.edges if operation_kind(edge.operation) is not OperationKind.NONE]
    return sorted(kept, key=lambda edge: (edge.target, edge.source))


def _draw(
    cell: Cell, changed: Collection[Ends], ties: Collection[Ends], step: int, colours: Palette, focus: Ends | None
) -> _Canvas:
    canvas = _Canvas()
    edges = _edges(cell)
    left = _left(step)
    at = {edge: left + step * place for place, edge in enumerate(edges)}
    rail = left + step * len(edges)
    joined = len(cell.outputs) > 1
    for state in range(_states(cell)):
        incoming = [at[edge] for edge in edges if edge.target == state]
        outgoing = [at[edge] for edge in edges if edge.source == state]
        canvas.put(2 * state, 0, f"{label(cell, state):>3}", Style(bold=True))
        begin = min(incoming, default=min(4, left - 1))
        end = max([*outgoing, *(place + 1 for place in incoming)], default=begin)
        if joined and state in cell.outputs:
            end = rail
        canvas.put(2 * state, begin, "─" * (end - begin), _DIM)
        if state >= cell.inputs and not incoming:
            canvas.put(2 * state, begin, "○", _DIM)  # a node without incoming edges outputs zeros
        if incoming:
            canvas.put(2 * state, max(incoming) + 1, "▶", _DIM)
    for edge, column in at.items():
        ends = (edge.source, edge.target)
        first = column == min(place for other, place in at.items() if other.target == edge.target)
        style = colours.operation(edge.operation, bold=ends in changed)
        _draw_edge(canvas, edge, column, style, changed=ends in changed, tie=ends in ties, first=first)
        name = operation_label(edge.operation)[: step - 1]
        mark = "*" if ends in changed and len(name) < step - 1 else ""  # the wire is heavy in any case
        selected = Style(reverse=True) if ends == focus else _PLAIN
        canvas.put(2 * edge.source + 1, column + 1, name + mark, style + selected)
    _draw_output(canvas, cell, rail if joined else None, step)
    return canvas


def _draw_edge(
    canvas: _Canvas, edge: Edge, column: int, style: Style, *, changed: bool, tie: bool, first: bool
) -> None:
    wire = "┃" if changed else "╎" if tie else "│"
    for row in range(2 * edge.source + 1, 2 * edge.target):
        crosses = (row, column) in canvas.cells
        canvas.put(row, column, ("╂" if changed else "┼") if crosses else wire, style)
    canvas.put(2 * edge.source, column, "●", style)
    corner = ("┖" if changed else "╰") if first else ("┸" if changed else "┴")
    canvas.put(2 * edge.target, column, corner, style)


def _draw_output(canvas: _Canvas, cell: Cell, rail: int | None, step: int) -> None:
    bold = Style(bold=True)
    if rail is None:
        for state in cell.outputs:
            end = max(column for row, column in canvas.cells if row == 2 * state)
            canvas.put(2 * state, end + 1, " out" if canvas.cells[2 * state, end][0] == "▶" else "▶ out", bold)
        return
    top, bottom = min(cell.outputs), max(cell.outputs)
    for row in range(2 * top, 2 * bottom):
        lane = row % 2 == 0 and row // 2 in cell.outputs
        canvas.put(row, rail, "┐" if row == 2 * top else "┤" if lane else "│", _DIM)
    canvas.put(2 * bottom, rail, "┴▶", _DIM)
    canvas.put(2 * bottom, rail + 2, " out" if step == _WIDE else "out", bold)
