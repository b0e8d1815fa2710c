"""Reading the store for the Runs screen: the runs and their rows, and what waits in the queue."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from textual.message import Message

from runs.errors import NastuiError
from runs.fleet.queueing import Wait, waits
from runs.store.filter import EVERYTHING
from runs.store.queue import Document
from runs.store.record import Record
from runs.store.run_store import RunStore
from runs.store.status import Status
from screens.models.run_columns import Row, WantedWidths, wanted_widths
from screens.runs import first_start
from screens.runs.rows import RowMaker, RowOptions

# Reading very many runs takes long; the store is then left alone for this many times as long.
_REST = 5


@dataclass(frozen=True)
class Waits:
    """What waits in the queue.

    Attributes:
        document: the queue.
        of: the place of each run that waits, by its id.
    """

    document: Document = field(default_factory=Document)
    of: Mapping[str, Wait] = field(default_factory=dict)


@dataclass
class StoreRead(Message):
    """What was read from the store.

    Attributes:
        options: what the rows were made for.
        statuses: the number of runs by status.
        unreadable: by name of the directory, why it cannot be read.
        problem: why the store could not be read.
        rest: the seconds until the store may be read again.
        waits: what waits in the queue.
        in_slurm: the number of runs that wait for Slurm.
        is_first: whether the store is empty and its home has not yet dismissed the hint of a first start.
    """

    records: list[Record] = field(default_factory=list)
    widths: WantedWidths = field(default_factory=dict)
    options: RowOptions = field(default_factory=RowOptions)
    rows: list[Row] = field(default_factory=list)
    statuses: Counter[Status] = field(default_factory=Counter)
    unreadable: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    rest: float = 0.0
    waits: Waits = field(default_factory=Waits)
    in_slurm: int = 0
    is_first: bool = False


@dataclass
class StoreUnchanged(Message):
    """The runs are as they were last read; what waits may have changed."""

    waits: Waits


class StoreReader:
    """Reads a store, again and again. Every reading looks at files: make it in a thread, one at a time.

    Args:
        store: the store.
        rows: makes the rows.
    """

    def __init__(self, store: RunStore, rows: RowMaker) -> None:
        self._store, self._rows = store, rows
        self._waits = Waits()
        self._last_look = 0.0

    def read_all(self) -> None:
        """Let the next reading return everything, even if nothing has changed."""
        self._last_look = 0.0

    def read(self, options: RowOptions, before: StoreRead) -> StoreRead | StoreUnchanged:
        """Return what is new in the store.

        Args:
            options: which runs to show.
            before: what was read last; it stays if the store cannot be read now.
        """
        began = time.monotonic()
        last, self._last_look = self._last_look, began
        try:
            if last and not self._store.look(began - last):
                return StoreUnchanged(self._read_waits())
            read = self._everything(self._store.known() if last else self._store.records(), options)
        except NastuiError as error:
            self.read_all()
            rows = self._rows.rows(before.records, options)
            read = dataclasses.replace(before, options=options, rows=rows, problem=str(error))
        # After a full reading the next one is only a look.
        read.rest = _REST * (time.monotonic() - began) if last or read.problem else 0.0
        return read

    def _everything(self, records: list[Record], options: RowOptions) -> StoreRead:
        self._rows.read_texts(records)
        rows = every_row = self._rows.rows(records, options)
        if options.filter:  # the columns keep their widths while a filter is typed
            every_row = self._rows.rows(records, dataclasses.replace(options, filter=EVERYTHING))
        return StoreRead(
            records,
            wanted_widths(every_row),
            options,
            rows,
            Counter(record.shown_status for record in records),
            dict(self._store.unreadable),
            waits=self._read_waits(),
            in_slurm=sum(record.is_in_slurm and not record.status.live for record in records),
            is_first=not records and first_start.is_first(self._store.home),
        )

    def _read_waits(self) -> Waits:
        """Return what waits in the queue; the same object if the queue has not changed."""
        document = self._store.queue.read()
        if document is not self._waits.document:
            self._waits = Waits(document, waits(document))
        return self._waits
