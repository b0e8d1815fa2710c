"""The operation pool of a search that prunes and refills: the operations of each edge, and their lineage.

Plain data without tensors: checkpoints and events hold it as JSON, and viewers draw lineages from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Member:
    """An operation that an edge has, or once had.

    Attributes:
        operation: its compact name.
        active: whether it is in the pool; otherwise it was dropped.
        parent: the operation of the same edge that it was last morphed from; empty for the initial pool.
        morph: the morphism that made it.
        born: the stage in which it last entered the pool, from 0.
        probability: its weight at the end of the last stage that it was in the pool; None before the end of its first.
    """

    operation: str
    active: bool = True
    parent: str = ""
    morph: str = ""
    born: int = 0
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class CellPool:
    """The pool of one kind of cell, shared by all its cells.

    Attributes:
        discovered: every operation that any edge of this kind has had, in order of discovery.
        edges: the members of each edge, in that order. The active ones are the columns of its alphas.
    """

    discovered: tuple[str, ...]
    edges: tuple[tuple[Member, ...], ...]

    def active(self) -> tuple[tuple[str, ...], ...]:
        """Return the active operations of each edge, in order of discovery."""
        return tuple(tuple(member.operation for member in edge if member.active) for edge in self.edges)


@dataclass(frozen=True, slots=True)
class Pool:
    """The pools of all kinds of cell.

    Attributes:
        cells: by kind, in the order in which transitions process them.
    """

    cells: Mapping[str, CellPool]

    @classmethod
    def initial(cls, operations: Sequence[str], kinds: Sequence[str], edges: int) -> Pool:
        """Return the initial pool of a search: the same operations on every edge."""
        members = tuple(map(Member, operations))
        return cls({kind: CellPool(tuple(operations), (members,) * edges) for kind in kinds})

    def active(self) -> dict[str, tuple[tuple[str, ...], ...]]:
        """Return the active operations of each edge by kind of cell, in order of discovery."""
        return {kind: cell.active() for kind, cell in self.cells.items()}

    def to_json(self) -> dict[str, Any]:
        """Return the pool as JSON."""
        return {
            kind: {
                "discovered": list(cell.discovered),
                "edges": [[asdict(member) for member in edge] for edge in cell.edges],
            }
            for kind, cell in self.cells.items()
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Pool:
        """Return the pool from the result of :meth:`to_json`."""
        return cls(
            {
                kind: CellPool(
                    tuple(cell["discovered"]),
                    tuple(tuple(Member(**member) for member in edge) for edge in cell["edges"]),
                )
                for kind, cell in raw.items()
            }
        )
