"""Which candidates are measured when: first rounds that delete operations, then groups of edges.

See docs/methods/tenas.md, "Pruning by importance".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.spaces.space import Candidates
from engine.zero_cost.pruning_rules import KEPT_EDGES, Slot
from runs.catalogue import Space

# Of equal candidates the one enumerated first is removed first. This is TE-NAS's order in both spaces
# (docs/methods/tenas.md, "Order of operations").
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

# The index of a kind of cell, and its edges into one node.
EdgeGroup = tuple[int, tuple[int, ...]]


def candidate_slots(space: Space, live: Candidates) -> list[Slot]:
    """Return every live operation of every edge that has more than one."""
    return [
        (cell, edge, op)
        for cell, kind in enumerate(space.cells)
        for edge, row in enumerate(live[kind])
        if len(row) > 1
        for op in sorted(row, key=lambda op: _position(space.operations[op]))
    ]


def edge_groups(space: Space, live: Candidates) -> list[EdgeGroup]:
    """Return the groups of edges into each node that has more live edges than it may keep."""
    found = []
    for cell, kind in enumerate(space.cells):
        for node in dict.fromkeys(target for _, target in space.edges):
            edges = tuple(edge for edge, (_, target) in enumerate(space.edges) if target == node and live[kind][edge])
            if len(edges) > KEPT_EDGES:
                found.append((cell, edges))
    return found


def group_slots(group: EdgeGroup, space: Space, live: Candidates) -> list[Slot]:
    """Return the edges of a group as candidates, each with its one remaining operation."""
    cell, edges = group
    return [(cell, edge, live[space.cells[cell]][edge][0]) for edge in edges]


def without(live: Candidates, space: Space, removed: Sequence[Slot]) -> Candidates:
    """Return the live operations after some slots have been removed."""
    gone = set(removed)
    return {
        kind: tuple(tuple(op for op in row if (cell, edge, op) not in gone) for edge, row in enumerate(live[kind]))
        for cell, kind in enumerate(space.cells)
    }


def epoch_lengths(space: Space, live: Candidates, number: int, *, selects_edges: bool) -> list[int]:
    """Return the number of candidates of each epoch, for the given space and its live operations.

    The epochs are the rounds until every edge has one operation, and then the selection of edges, if any.

    Args:
        space, live: the space and its live operations at the start.
        number: the number of operations that an edge loses in a round.
        selects_edges: whether a last epoch leaves each node two edges.
    """
    counts = [len(row) for kind in space.cells for row in live[kind]]
    found = list(_rounds(counts, number))
    if selects_edges:
        found.append(sum(len(edges) for _, edges in edge_groups(space, live)))
    return found


def _rounds(counts: list[int], number: int) -> Iterator[int]:
    while any(count > 1 for count in counts):
        yield sum(count for count in counts if count > 1)
        counts = [max(1, count - number) if count else 0 for count in counts]


def _position(name: str) -> int:
    return ENUMERATED.index(name) if name in ENUMERATED else len(ENUMERATED)
