"""Compact storage of epochs, for searches of thousands of epochs: a float takes 32 bytes in a list, but 8 here."""

from __future__ import annotations

import dataclasses
from array import array
from collections.abc import Iterator, Sequence
from typing import Any, overload

from runs.log.events import CellSnapshot, EpochEnded, Rows


class CompactRows(Sequence[list[float]]):
    """Rows of equal length, 8 bytes per number. A row is built when it is accessed.

    Args:
        rows: the numbers; at least one row, all of the same length.
    """

    __slots__ = ("_values", "_width")

    def __init__(self, rows: Rows) -> None:
        self._width = len(rows[0])
        self._values = array("d", (value for row in rows for value in row))

    def __len__(self) -> int:
        return len(self._values) // self._width

    @overload
    def __getitem__(self, index: int) -> list[float]: ...
    @overload
    def __getitem__(self, index: slice) -> list[list[float]]: ...
    def __getitem__(self, index: int | slice) -> list[float] | list[list[float]]:
        if isinstance(index, slice):
            return list(self)[index]
        row = range(len(self))[index]
        return self._values[row * self._width : (row + 1) * self._width].tolist()

    def __iter__(self) -> Iterator[list[float]]:
        return map(self.__getitem__, range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(self._values.tobytes())

    def __repr__(self) -> str:
        return repr(list(self))


class HistoryCompactor:
    """Compacts one epoch after another. A value equal to that of the previous epoch is stored once for both."""

    def __init__(self) -> None:
        self._before: dict[str, Any] = {}

    def compact(self, event: EpochEnded) -> EpochEnded:
        """Return an epoch that is equal to this one and takes less memory."""
        architecture = {kind: self._cell(kind, cell) for kind, cell in event.architecture.items()}
        return dataclasses.replace(event, architecture=architecture, genotype=self._shared("", event.genotype))

    def _cell(self, kind: str, cell: CellSnapshot) -> CellSnapshot:
        return CellSnapshot(
            self._shared(f"edges {kind}", cell.edges),
            self._shared(f"operations {kind}", cell.operations),
            _compact_rows(cell.weights),
            self._shared(f"alive {kind}", cell.alive),
            self._shared(f"chosen {kind}", cell.chosen),
            {name: _compact_rows(rows) for name, rows in cell.extras.items()},
        )

    def _shared(self, name: str, value: Any) -> Any:
        if self._before.get(name) != value:
            self._before[name] = value
        return self._before.get(name)


def _compact_rows(rows: Rows) -> Rows:
    """Return rows in compact form; unchanged if their lengths differ, as in an edited log."""
    return CompactRows(rows) if rows and rows[0] and len(set(map(len, rows))) == 1 else rows
