"""A table of benchmark results in one memory-mapped file, so that opening it is almost free.

The file, all numbers little-endian::

    16 bytes   MAGIC
    uint64     length of the header
    header     JSON: see _Header; padded with spaces so that what follows begins at a multiple of 8
    float32    slots x columns; NaN for unknown values
    uint64     keyed tables: slots + 1 offsets into the keys
    bytes      keyed tables: the keys, ascending (see runs.benchmarks.addresses)

Spaces that have complete tables, such as NAS-Bench-201, number their genotypes. Their tables have one slot per genotype
and no keys.
"""

from __future__ import annotations

import bisect
import functools
import json
import math
import mmap
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from runs.benchmarks import addresses
from runs.catalogue import find_space
from runs.errors import UsageError
from runs.files import open_regular
from runs.genotypes.genotype import Genotype
from runs.genotypes.topology import Topology

MAGIC = b"nastui table 1\n\0"
LENGTH = struct.Struct("<Q")
START = len(MAGIC) + LENGTH.size
SUFFIX = ".table"
Value = TypeVar("Value")
LOWER_IS_BETTER = ("error", "loss", "seconds")


@dataclass(frozen=True)
class Column:
    """The description of one number of a row.

    Attributes:
        dataset: the catalogue's name, if it has the data set.
        split: ``train``, ``valid`` or ``test``.
        epochs: length of the training schedule.
        unit: ``accuracy`` and ``error`` in percent, ``loss`` in nats, ``seconds``.
        note: what else one must know to compare.
    """

    dataset: str
    split: str
    epochs: int
    unit: str = "accuracy"
    note: str = ""

    @property
    def label(self) -> str:
        """Its name in events and on screens, within its data set, such as ``test (200 epochs)``."""
        unit = "" if self.unit == "accuracy" else f" {self.unit}"
        return f"{self.split}{unit} ({self.epochs} epochs)"

    @property
    def lower_is_better(self) -> bool:
        """Whether the best architecture has the smallest value."""
        return self.unit in LOWER_IS_BETTER


@dataclass(frozen=True)
class Header:
    """The description of a table.

    Attributes:
        space: the space of its architectures.
        columns: in the order of a row.
        slots: rows in the file, including rows without a value.
        rows: architectures with a value.
        keyed: whether architectures are found by key; else by their number.
        source, sha256: name and checksum of the file it was imported from.
    """

    space: str
    columns: tuple[Column, ...]
    slots: int
    rows: int
    keyed: bool
    source: str
    sha256: str


_HEADER = TypeAdapter(Header)


class Table:
    """Looks up architectures. Safe to share between threads; processes share one copy in memory.

    Attributes:
        name: the name of the file.
        space: the space of the architectures.
        columns: the description of each number of a row.
        header: the rest.
    """

    def __init__(self, name: str, header: Header, mapped: mmap.mmap, start: int) -> None:
        self.name = name
        self.header = header
        self.space = header.space
        self.columns = header.columns
        self._mapped = mapped
        self._start = start
        self._row = struct.Struct(f"<{len(header.columns)}f")
        self._offsets = start + header.slots * self._row.size
        self._keys = self._offsets + (header.slots + 1) * LENGTH.size
        self._best: dict[int, tuple[float, int]] = {}
        # Numbers the genotypes; None if they are found by key.
        self._topology = None if header.keyed else _numbering(header.space)

    @classmethod
    def open(cls, path: Path) -> Table:
        """Map a table into memory.

        Raises:
            UsageError: the file cannot be read, is not a table, is damaged, or belongs to an unknown space.
        """
        try:
            with open_regular(path) as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            if mapped[: len(MAGIC)] != MAGIC:
                raise ValueError("it does not begin like one")
            start = START + LENGTH.unpack_from(mapped, len(MAGIC))[0]
            header = _HEADER.validate_json(mapped[START:start])
            table = cls(path.stem, header, mapped, start)
            table._check()
        except (OSError, ValueError, struct.error, OverflowError) as error:
            why = "its header is damaged" if isinstance(error, ValidationError) else error
            raise UsageError(
                f"'{path}' is not a benchmark table: {why}.", "Import it again: nastui benchmark import."
            ) from error
        return table

    @classmethod
    def of(cls, name: str, header: Header, matrix: bytes) -> Table:
        """Return a table in memory.

        Args:
            name: of the table.
            header: of a table that is not keyed.
            matrix: its float32 numbers, slots x columns, little-endian.
        """
        mapped = mmap.mmap(-1, len(matrix))
        mapped.write(matrix)
        table = cls(name, header, mapped, 0)
        table._check()
        return table

    def __len__(self) -> int:
        """Return the number of architectures with a value."""
        return self.header.rows

    def row(self, genotype: Genotype) -> tuple[float, ...] | None:
        """Return the row of an architecture, NaN for unknown values; None if it is not in the table.

        A missing edge counts as ``none``.

        Raises:
            UsageError: the genotype is of another space, or does not belong to its space.
        """
        if genotype.space != self.space:
            raise UsageError(f"The table '{self.name}' is of the space '{self.space}', not '{genotype.space[:80]}'.")
        if self._topology is None:
            key = addresses.key(genotype)
            slot = bisect.bisect_left(range(self.header.slots), key, key=self._key)
            return self._values(slot) if slot < self.header.slots and self._key(slot) == key else None
        values = self._values(self._topology.number(genotype))
        return None if all(map(math.isnan, values)) else values

    def column(self, dataset: str, split: str, epochs: int) -> int:
        """Return the index of a column of accuracies.

        Raises:
            UsageError: the table has no such column; the message lists its columns.
        """
        for index, column in enumerate(self.columns):
            if (column.dataset, column.split, column.epochs, column.unit) == (dataset, split, epochs, "accuracy"):
                return index
        listed = ", ".join(f"{column.dataset} {column.label}" for column in self.columns)
        raise UsageError(
            f"The table '{self.name}' has no accuracy of '{dataset[:80]}', {split[:80]} ({epochs} epochs).",
            f"It has: {listed}.",
        )

    def accuracies(self, genotype: Genotype) -> dict[str, dict[str, float]]:
        """Return the results of an architecture in the form of events: ``{data set: {"test (200 epochs)": percent}}``.

        Raises:
            UsageError: the genotype is of another space, or does not belong to its space.
        """
        row = self.row(genotype) or ()
        return self.keyed({place: shown(value) for place, value in enumerate(row) if not math.isnan(value)})

    def event_fields(self, genotype: Genotype) -> dict[str, Any]:
        """Return what an ``epoch`` event says of an architecture; see :class:`runs.log.events.EpochEnded`.

        Raises:
            UsageError: as for :meth:`accuracies`.
        """
        row = self.row(genotype)
        ranks = self.keyed({column: self.rank(column, row[column])[0] for column in self.reported} if row else {})
        return {
            "benchmark": self.accuracies(genotype),
            "benchmark_rank": ranks,
            "benchmark_size": len(self) if ranks else 0,
        }

    def keyed(self, by_column: Mapping[int, Value]) -> dict[str, dict[str, Value]]:
        """Return values by the index of their column as ``{data set: {label: value}}``."""
        found: dict[str, dict[str, Value]] = {}
        for index, value in by_column.items():
            column = self.columns[index]
            found.setdefault(column.dataset, {})[column.label] = value
        return found

    @functools.cached_property
    def reported(self) -> tuple[int, ...]:
        """The columns that papers report: per data set, the test accuracy after the longest schedule."""
        longest: dict[str, int] = {}
        for index, column in enumerate(self.columns):
            if (column.split, column.unit) == ("test", "accuracy"):
                known = longest.setdefault(column.dataset, index)
                if column.epochs > self.columns[known].epochs:
                    longest[column.dataset] = index
        return tuple(longest.values())

    def regret(self, column: int, value: float) -> float:
        """Return how far a value is from its column's best, in its unit; never negative for a value of the table."""
        return round(abs(self._best_slot(column)[0] - value), 4)

    def best(self, column: int) -> tuple[float, Genotype]:
        """Return the best value of a column, and the first architecture of the table that reached it.

        Raises:
            IndexError: no such column; :meth:`column` returns an index.
        """
        value, slot = self._best_slot(column)
        topology = self._topology
        return shown(value), addresses.from_key(self._key(slot)) if topology is None else topology.numbered(slot)

    def rank(self, column: int, value: float) -> tuple[int, int]:
        """Return the rank of a row's value in a column (1 is best, equal values share one), and how many are ranked."""
        known = [other for other in self.values(column) if not math.isnan(other)]
        if self.columns[column].lower_is_better:
            return 1 + sum(other < value for other in known), len(known)
        return 1 + sum(other > value for other in known), len(known)

    def values(self, column: int) -> Iterator[float]:
        """Yield a column's values, slot by slot; NaN for unknown values."""
        after = len(self.columns) - column - 1
        picked = struct.Struct(f"<{4 * column}xf{4 * after}x")
        with memoryview(self._mapped) as whole, whole[self._start : self._offsets] as matrix:
            for (value,) in picked.iter_unpack(matrix):
                yield value

    def _best_slot(self, column: int) -> tuple[float, int]:
        if column not in self._best:
            known = [(value, -slot) for slot, value in enumerate(self.values(column)) if not math.isnan(value)]
            if self.columns[column].lower_is_better:
                value, slot = min(known, key=lambda entry: (entry[0], -entry[1]))
            else:
                value, slot = max(known)
            self._best[column] = value, -slot
        return self._best[column]

    def _values(self, slot: int) -> tuple[float, ...]:
        return self._row.unpack_from(self._mapped, self._start + slot * self._row.size)

    def _key(self, slot: int) -> bytes:
        first, last = struct.unpack_from("<QQ", self._mapped, self._offsets + slot * LENGTH.size)
        return self._mapped[self._keys + first : self._keys + last]

    def _check(self) -> None:
        """Check that the file is complete, so that look-ups can rely on it.

        Raises:
            ValueError: it is incomplete.
        """
        header, size = self.header, len(self._mapped)
        if not header.columns or header.slots < 1:
            raise ValueError("it is empty")
        if self._topology is None:
            fits = size >= self._keys
            fits = fits and size == self._keys + LENGTH.unpack_from(self._mapped, self._keys - LENGTH.size)[0]
        else:
            fits = (header.slots, size) == (self._topology.size, self._offsets)
        if not fits:
            raise ValueError("its size is not what its header says")


def _numbering(space: str) -> Topology:
    """Return the topology that numbers the genotypes of a space.

    Raises:
        ValueError: the space is unknown, or its genotypes have no numbers.
    """
    known = find_space(space)
    if known is None or known.complete_table is None:
        raise ValueError(f"the space '{space[:80]}' is unknown; its plug-in may be missing from NASTUI_PLUGINS")
    return known.topology


def shown(value: float) -> float:
    """Return a 32-bit number with the digits it was written with: 94.373, not 94.37300109863281."""
    return float(f"{value:.7g}")


def header_bytes(header: Header) -> bytes:
    """Return the beginning of a file, up to the matrix."""
    written = json.dumps(_HEADER.dump_python(header, mode="json"), ensure_ascii=False).encode()
    written += b" " * (-(START + len(written)) % 8)
    return MAGIC + LENGTH.pack(len(written)) + written
