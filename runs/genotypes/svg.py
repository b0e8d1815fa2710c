"""SVG drawings of cells: nodes in a row, operations as arcs above it, the concatenation below."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from html import escape

from runs.genotypes.dot import captions
from runs.genotypes.genotype import NONE, Cell, Genotype
from runs.genotypes.kinds import OperationKind, kind_by_name

GAP, STEP, NODE_WIDTH, NODE_HEIGHT, MARGIN, TITLE = 156, 46, 62, 26, 24, 28
# Okabe and Ito's colours, which colour-blind readers can tell apart; every arc also has a label.
_COLOURS = {
    OperationKind.CONVOLUTION: "#0072b2",
    OperationKind.POOL: "#d55e00",
    OperationKind.SKIP: "#009e73",
    OperationKind.NONE: "#999999",
    OperationKind.OTHER: "#0072b2",
}

_HEAD = """<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" \
font-family="sans-serif" font-size="12">
<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">\
<path d="M0 0 L8 4 L0 8 z" fill="#555555"/></marker></defs>
<rect width="100%" height="100%" fill="#ffffff"/>"""


def svg(genotype: Genotype, kind_of: Callable[[str], OperationKind] = kind_by_name) -> str:
    """Return a self-contained SVG with one row per kind of cell.

    Args:
        genotype: of any space.
        kind_of: returns the kind of an operation, which decides its colour.
    """
    parts, width, top = [], 0, 0
    for kind, cell in genotype.cells.items():
        drawn, cell_width, height = _cell(kind, cell, top, kind_of)
        parts.append(drawn)
        width, top = max(width, cell_width), top + height
    return "\n".join([_HEAD.format(width=width, height=top), *parts, "</svg>"])


def _cell(kind: str, cell: Cell, top: int, kind_of: Callable[[str], OperationKind]) -> tuple[str, int, int]:
    names = captions(cell)
    heights = _heights(cell)
    line = top + MARGIN + TITLE + max(heights, default=0) + NODE_HEIGHT
    under = [STEP * 0.45 * (len(names) - node) for node in cell.outputs]
    xs = [MARGIN + NODE_WIDTH // 2 + GAP * index for index in range(len(names) + 1)]
    parts = [f'<text x="{MARGIN}" y="{top + MARGIN}" font-size="15" font-weight="bold">{escape(kind)}</text>']
    for node, depth in zip(cell.outputs, under, strict=True):
        y = line + NODE_HEIGHT // 2
        parts.append(_arc(xs[node], xs[-1], y, depth, "#999999", dashed=True))
    labels = []
    for edge, height in zip(cell.edges, heights, strict=True):
        colour = _COLOURS[kind_of(edge.operation)]
        y = line - NODE_HEIGHT // 2
        parts.append(_arc(xs[edge.source], xs[edge.target], y, -height, colour, dashed=edge.operation == NONE))
        labels.append(_label((xs[edge.source] + xs[edge.target]) / 2, y - height, edge.operation, colour))
    parts += labels
    parts += [_node(x, line, name) for x, name in zip(xs, [*names, "output"], strict=True)]
    return "\n".join(parts), xs[-1] + NODE_WIDTH // 2 + MARGIN, round(line + max(under, default=0) + MARGIN) + 16 - top


def _heights(cell: Cell) -> list[int]:
    """Return the height of each arc. It grows with the span and differs for repeated edges, so labels do not meet."""
    seen: Counter[tuple[int, int]] = Counter()
    heights = []
    for edge in cell.edges:
        ends = (edge.source, edge.target)
        heights.append(STEP * (edge.target - edge.source) - STEP // 4 + STEP // 2 * seen[ends])
        seen[ends] += 1
    return heights


def _arc(start: int, end: int, y: int, rise: float, colour: str, *, dashed: bool) -> str:
    # A quadratic curve reaches half the height of its control point.
    path = f"M{start + 12} {y} Q{(start + end) / 2:g} {y + 2 * rise:g} {end - 12} {y}"
    stroke = f'stroke="{colour}" stroke-width="1.6"' + (' stroke-dasharray="5 4"' if dashed else "")
    return f'<path d="{path}" fill="none" {stroke} marker-end="url(#tip)"/>'


def _label(x: float, y: float, name: str, colour: str) -> str:
    wide = 7 * len(name) + 6
    return (
        f'<rect x="{x - wide / 2:g}" y="{y - 9:g}" width="{wide}" height="17" fill="#ffffff"/>'
        f'<text x="{x:g}" y="{y + 4:g}" text-anchor="middle" fill="{colour}">{escape(name)}</text>'
    )


def _node(x: int, y: int, name: str) -> str:
    return (
        f'<rect x="{x - NODE_WIDTH // 2}" y="{y - NODE_HEIGHT // 2}" width="{NODE_WIDTH}" height="{NODE_HEIGHT}" '
        f'rx="6" fill="#f4f4f4" stroke="#333333"/>'
        f'<text x="{x}" y="{y + 4}" text-anchor="middle">{escape(name)}</text>'
    )
