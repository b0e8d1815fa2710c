"""Cells as a Graphviz digraph."""

from __future__ import annotations

import json

from runs.genotypes.genotype import Cell, Genotype


def captions(cell: Cell) -> list[str]:
    """Return the labels of the nodes: inputs are named after the cell that they come from, the others are numbered."""
    last = max([edge.target for edge in cell.edges] + list(cell.outputs))
    inputs = ["c_{k-2}", "c_{k-1}"] if cell.inputs == 2 else ["input"] * cell.inputs
    return [*inputs, *map(str, range(cell.inputs, last + 1))]


def dot(genotype: Genotype) -> str:
    """Return a digraph with one cluster per cell and edges labelled with their operations."""
    lines = ["digraph genotype {", "  rankdir=LR;", '  node [shape=box, style=rounded, fontname="sans-serif"];']
    lines += ['  edge [fontname="sans-serif", fontsize=10];']
    for number, (kind, cell) in enumerate(genotype.cells.items()):
        lines += [f"  subgraph cluster_{number} {{", f"    label={_quoted(kind)};"]
        names = captions(cell)
        lines += [f"    n{number}_{node} [label={_quoted(name)}];" for node, name in enumerate(names)]
        lines += [f"    n{number}_out [label=output];"]
        for edge in cell.edges:
            ends = f"n{number}_{edge.source} -> n{number}_{edge.target}"
            lines.append(f"    {ends} [label={_quoted(edge.operation)}];")
        lines += [f"    n{number}_{node} -> n{number}_out [style=dashed];" for node in cell.outputs]
        lines.append("  }")
    return "\n".join([*lines, "}"])


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
