"""Epochs in little memory: searches of thousands of epochs are looked at, and a float in a list takes 32 bytes."""

from __future__ import annotations

import dataclasses
from array import array
from collections.abc import Iterator, Sequence
from typing import Any, overload

from runs.log.events import CellSnapshot, EpochEnded, Rows


class PackedRows(Sequence[list[float]]):
    """Rows of one width, 8 bytes a figure; each row is made when it is asked for.

    Args:
        rows: the figures; at least one row, all equally long.
    """

    __slots__ = ("_values", "_width")

    def __init__(self, rows: Rows) -> None:
        self._width = len(rows[0])
        self._values = array("d", (value for row in rows for value in row))

    def __len__(self) -> int:
        return len(self._values) // self._width

    @overload
    def __getitem__(self, place: int) -> list[float]: ...
    @overload
    def __getitem__(self, place: slice) -> list[list[float]]: ...
    def __getitem__(self, place: int | slice) -> list[float] | list[list[float]]:
        if isinstance(place, slice):
            return list(self)[place]
        row = range(len(self))[place]
        return self._values[row * self._width : (row + 1) * self._width].tolist()

    def __iter__(self) -> Iterator[list[float]]:
        return map(self.__getitem__, range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(self._values.tobytes())

    def __repr__(self) -> str:
        return repr(list(self))


class Packer:
    """Packs one epoch after the other; what is as it was in the epoch before is kept once for both."""

    def __init__(self) -> None:
        self._before: dict[str, Any] = {}

    def pack(self, event: EpochEnded) -> EpochEnded:
        """Return an epoch that equals this one."""
        architecture = {kind: self._cell(kind, cell) for kind, cell in event.architecture.items()}
        return dataclasses.replace(event, architecture=architecture, genotype=self._once("", event.genotype))

    def _cell(self, kind: str, cell: CellSnapshot) -> CellSnapshot:
        return CellSnapshot(
            self._once(f"edges {kind}", cell.edges),
            self._once(f"operations {kind}", cell.operations),
            _packed(cell.weights),
            self._once(f"alive {kind}", cell.alive),
            self._once(f"chosen {kind}", cell.chosen),
            {name: _packed(rows) for name, rows in cell.extras.items()},
        )

    def _once(self, what: str, value: Any) -> Any:
        if self._before.get(what) != value:
            self._before[what] = value
        return self._before.get(what)


def _packed(rows: Rows) -> Rows:
    """Return rows in little memory; as they are where they are not equally long, as in a log that was edited."""
    return PackedRows(rows) if rows and rows[0] and len(set(map(len, rows))) == 1 else rows
