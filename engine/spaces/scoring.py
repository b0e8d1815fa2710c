"""The small networks that zero-cost proxies measure instead of an architecture's own.

See docs/methods/tenas.md, "Networks that are measured".
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor, nn

from engine.spaces.candidates import Candidates
from runs.catalogue import Space
from runs.errors import UsageError
from runs.genotypes.genotype import NONE

# The network for the neural tangent kernel, and the thin one for linear regions.
NTK, THIN = "ntk", "thin"


class ScoringNetwork(nn.Module):
    """A network in training mode. Each of the k live operations on an edge counts 1 / k.

    It holds every operation of every edge and is built once; only the set of live operations changes.

    Attributes:
        space: of its cells.
        live: the columns that run, by kind of cell and edge.
        features: the number of features that the classifier reads.
    """

    space: Space
    live: Candidates
    features: int

    def set_live(self, live: Candidates) -> None:
        """Choose the columns that run from now on. An edge without any contributes zeros.

        Raises:
            UsageError: the space lacks a kind of cell, an edge or a column.
        """
        edges, columns = len(self.space.edges), range(len(self.space.operations))
        if set(live) != set(self.space.cells) or any(len(rows) != edges for rows in live.values()):
            raise UsageError(
                f"Live operations of '{self.space.name}' are {edges} edges for each of: {', '.join(self.space.cells)}."
            )
        for kind, rows in live.items():
            for edge, row in enumerate(rows):
                if len(set(row)) != len(row) or not set(row) <= set(columns):
                    raise UsageError(f"Edge {edge} of cell '{kind}' has no operations {list(row)}.")
        self.live = {kind: tuple(tuple(row) for row in live[kind]) for kind in self.space.cells}


def everything(space: Space) -> Candidates:
    """Return every column except ``none`` on every edge."""
    columns = tuple(column for column, name in enumerate(space.operations) if name != NONE)
    return {kind: tuple(columns for _ in space.edges) for kind in space.cells}


class ScoredEdge(nn.Module):
    """The mean of the live operations of an edge.

    Args:
        built: by column; ``none`` has no module.
    """

    def __init__(self, built: dict[int, nn.Module]) -> None:
        super().__init__()
        self.operations = nn.ModuleDict({str(column): module for column, module in built.items()})

    def forward(self, features: Tensor, live: tuple[int, ...]) -> Tensor | None:
        """Return the edge's value, or None if nothing runs."""
        values: list[Tensor] = [
            self.operations[str(column)](features) for column in live if str(column) in self.operations
        ]
        if not values:
            return None
        total = functools.reduce(torch.add, values)
        return total if len(live) == 1 else total / len(live)


def node_value(values: list[Tensor | None], zeros: Tensor) -> Tensor:
    """Return the sum of the values of the edges into a node, or zeros of this shape if nothing runs on them."""
    present = [value for value in values if value is not None]
    return functools.reduce(torch.add, present) if present else torch.zeros_like(zeros)
