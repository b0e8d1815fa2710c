"""Which candidates are measured when: rounds that delete operations, then groups of edges (tenas.md 5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.spaces.space import Candidates
from engine.zero_cost.pruning_rules import KEPT_EDGES, Place
from runs.catalogue import Space

# Equals fall in the order in which they are enumerated: that of TE-NAS in both spaces (tenas.md 2).
ENUMERATED = (
    "skip_connect",
    "nor_conv_1x1",
    "nor_conv_3x3",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
    "avg_pool_3x3",
    "max_pool_3x3",
)

Group = tuple[int, tuple[int, ...]]


def candidates(space: Space, live: Candidates) -> list[Place]:
    """Return every live operation of every edge that has more than one."""
    return [
        (cell, edge, op)
        for cell, kind in enumerate(space.cells)
        for edge, row in enumerate(live[kind])
        if len(row) > 1
        for op in sorted(row, key=lambda op: _position(space.operations[op]))
    ]


def groups(space: Space, live: Candidates) -> list[Group]:
    """Return the edges into each node, with the cell's index, where more are live than the node may keep."""
    found = []
    for cell, kind in enumerate(space.cells):
        for node in dict.fromkeys(target for _, target in space.edges):
            edges = tuple(edge for edge, (_, target) in enumerate(space.edges) if target == node and live[kind][edge])
            if len(edges) > KEPT_EDGES:
                found.append((cell, edges))
    return found


def places(group: Group, space: Space, live: Candidates) -> list[Place]:
    """Return the edges of a group as candidates: the operation that is left on each."""
    cell, edges = group
    return [(cell, edge, live[space.cells[cell]][edge][0]) for edge in edges]


def without(live: Candidates, space: Space, fallen: Sequence[Place]) -> Candidates:
    """Return what is live once some places have fallen."""
    gone = set(fallen)
    return {
        kind: tuple(tuple(op for op in row if (cell, edge, op) not in gone) for edge, row in enumerate(live[kind]))
        for cell, kind in enumerate(space.cells)
    }


def lengths(space: Space, live: Candidates, number: int, *, selects_edges: bool) -> list[int]:
    """Return the candidates of each epoch: of every round until one operation an edge is left, and of the selection.

    Args:
        space, live: what there is.
        number: of operations that an edge loses in a round.
        selects_edges: whether a last epoch leaves each node two edges.
    """
    counts = [len(row) for kind in space.cells for row in live[kind]]
    found = list(_rounds(counts, number))
    if selects_edges:
        found.append(sum(len(edges) for _, edges in groups(space, live)))
    return found


def _rounds(counts: list[int], number: int) -> Iterator[int]:
    while any(count > 1 for count in counts):
        yield sum(count for count in counts if count > 1)
        counts = [max(1, count - number) if count else 0 for count in counts]


def _position(name: str) -> int:
    return ENUMERATED.index(name) if name in ENUMERATED else len(ENUMERATED)
