"""The genotype: the operation on each edge of each kind of cell. One type serves every space."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runs.errors import UsageError

# The operation of an edge that carries nothing, in every space.
NONE = "none"


def edge_label(source: int, target: int) -> str:
    """Return the label of an edge, such as ``3←1``: first the node that it enters."""
    return f"{target}←{source}"


@dataclass(frozen=True, slots=True)
class Edge:
    """A directed edge and the operation on it. A node's value is the sum over its incoming edges."""

    source: int
    target: int
    operation: str


@dataclass(frozen=True)
class Cell:
    """The edges of one kind of cell, in the order of its space, and the nodes that form its output.

    Attributes:
        inputs: how many of the first nodes are inputs of the cell.
        outputs: the nodes whose values are concatenated (a single one is passed on).
    """

    inputs: int
    edges: tuple[Edge, ...]
    outputs: tuple[int, ...]

    def is_connected(self) -> bool:
        """Return whether a path of operations other than ``none`` leads from an input to an output."""
        reached = set(range(self.inputs))
        for edge in sorted(self.edges, key=lambda edge: edge.target):
            if edge.source in reached and edge.operation != NONE:
                reached.add(edge.target)
        return not reached.isdisjoint(self.outputs)

    def has_dead_edges(self) -> bool:
        """Return whether an edge with an operation other than ``none`` leads to no output."""
        useful = set(self.outputs)
        carrying = [edge for edge in self.edges if edge.operation != NONE]
        for edge in sorted(carrying, key=lambda edge: -edge.target):
            if edge.target in useful:
                useful.add(edge.source)
        return any(edge.target not in useful for edge in carrying)


@dataclass(frozen=True)
class Genotype:
    """An architecture of a space: one :class:`Cell` for each kind of cell."""

    space: str
    cells: Mapping[str, Cell]

    def to_json(self) -> dict[str, Any]:
        """Return the file form: plain lists and names, readable without nastui."""
        return {
            "space": self.space,
            "cells": {
                kind: {
                    "inputs": cell.inputs,
                    "edges": [[edge.source, edge.target, edge.operation] for edge in cell.edges],
                    "outputs": list(cell.outputs),
                }
                for kind, cell in self.cells.items()
            },
        }

    @classmethod
    def from_json(cls, raw: Any) -> Genotype:
        """Read the file form.

        Raises:
            UsageError: it is not a genotype; the message names the invalid cell or edge.
        """
        if not isinstance(raw, dict) or not isinstance(raw.get("cells"), dict) or not raw["cells"]:
            raise UsageError("A genotype's JSON has 'space' and a non-empty 'cells'.")
        return cls(str(raw.get("space")), {str(kind): _cell(kind, cell) for kind, cell in raw["cells"].items()})


def read_json(text: str) -> Any:
    """Return the value of a JSON text.

    Raises:
        UsageError: the text is not valid JSON.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"The genotype is not valid JSON: {error}.") from error


def _cell(kind: str, raw: Any) -> Cell:
    try:
        inputs, listed, outputs = (
            int(raw["inputs"]),
            list(raw["edges"]),
            [int(node) for node in raw["outputs"]],
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        raise UsageError(f"Cell '{kind}' of the genotype needs 'inputs', 'edges' and 'outputs'.") from None
    edges = []
    for index, edge in enumerate(listed):
        try:
            source, target, operation = edge
            edges.append(Edge(int(source), int(target), str(operation)))
        except (TypeError, ValueError, OverflowError):
            raise UsageError(
                f"Edge {index} of cell '{kind}' is {repr(edge)[:80]}, but must be [source, target, operation]."
            ) from None
        if not 0 <= edges[-1].source < edges[-1].target or edges[-1].target < inputs:
            raise UsageError(f"Edge {index} of cell '{kind}' runs from node {source} to node {target}.")
    return Cell(inputs, tuple(edges), tuple(outputs))
