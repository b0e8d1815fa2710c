"""Which operations of a supernet are alive."""

from __future__ import annotations

from collections.abc import Mapping

from runs.catalogue import Space

# For each kind of cell and each of its edges, the operations (column indices, ascending) that are still alive. Plain
# numbers on the host, so that building, pruning and skipping never read from the device.
Candidates = Mapping[str, tuple[tuple[int, ...], ...]]


def all_candidates(entry: Space) -> Candidates:
    """Return every operation on every edge; a kind of cell with its own operations gets those."""
    return {
        kind: tuple(
            tuple(op for op, name in enumerate(entry.operations) if name in entry.own.get(kind, entry.operations))
            for _ in entry.edges
        )
        for kind in entry.cells
    }
