"""Following the open run for the Run screen: its log, its status, and what it takes of the machine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from textual.message import Message

from runs.errors import NastuiError
from runs.home import Home
from runs.log.events import Entry
from runs.log.history import History
from runs.machine.meters import Machine, Meter
from runs.store.lock import owner_pid
from runs.store.record import Record
from runs.store.status import Status
from screens.actions.screen import ActionScreen
from screens.models.log import LogLine
from screens.run.reader import RunReader

# A larger backlog is read in a thread, so that the screen still responds to keys.
_BACKLOG_BYTES = 200_000
_MACHINE_SECONDS = 2.0


@dataclass
class RunOpened(Message):
    """The run was read for the first time, or ``problem`` says why it cannot be read."""

    problem: str = ""


@dataclass
class RunRead(Message):
    """New events were read.

    Attributes:
        entries: the events.
        changed: whether the run has another status, or another problem with its files.
    """

    entries: Sequence[Entry]
    changed: bool


@dataclass
class MachineMeasured(Message):
    """The machine was measured."""

    machine: Machine


class RunWatch:
    """Reads a run for a screen, which gets a message about everything that is new.

    Args:
        screen: gets the messages.
        home: where the run is stored.
        run_id: its id, or a unique prefix.

    Attributes:
        reader: what was read; None before :class:`RunOpened`.
    """

    def __init__(self, screen: ActionScreen[None], home: Home, run_id: str) -> None:
        self._screen, self._home, self._run_id = screen, home, run_id
        self.reader: RunReader | None = None
        self._before: tuple[Status | None, str] = (None, "")
        self._reading = False
        self._meter, self._measured_at = Meter(), 0.0

    @property
    def record(self) -> Record | None:
        """The run, once it has been read."""
        return self.reader.record if self.reader else None

    @property
    def is_live(self) -> bool:
        """Whether the run has an engine."""
        return self.record is not None and self.record.status.live

    @property
    def history(self) -> History:
        """The events of the run so far, folded."""
        return self.reader.history if self.reader else History()

    @property
    def log(self) -> Sequence[LogLine]:
        """The events of the run so far as lines."""
        return self.reader.log if self.reader else ()

    @property
    def notes(self) -> tuple[str, ...]:
        """Irregularities of the run's log, in sentences."""
        return self.reader.notes if self.reader else ()

    def open(self) -> None:
        """Read the run for the first time, in a thread."""
        self._screen.in_background(self._open, group="reading")

    def _open(self) -> None:
        try:
            reader = RunReader(self._home, self._run_id)
        except (NastuiError, OSError) as error:
            self._screen.post_message(RunOpened(str(error)))
            return
        self._before = reader.record.shown_status, reader.problem
        self.reader = reader
        self._screen.post_message(RunOpened())

    def look(self, *, measure: bool) -> None:
        """Read what is new, unless a thread is still reading.

        Args:
            measure: measure the machine, too, if its last measurement is not recent.
        """
        reader = self.reader
        if reader is None or self._reading:
            return
        if measure and time.monotonic() - self._measured_at > _MACHINE_SECONDS:
            self._measured_at = time.monotonic()
            self._screen.in_background(partial(self._measure, reader), group="machine", exclusive=True)
        self._reading = True
        if reader.backlog() > _BACKLOG_BYTES:
            self._screen.in_background(partial(self._read, reader), group="reading")
        else:
            self._read(reader)

    def _read(self, reader: RunReader) -> None:
        try:
            entries = reader.update()
        finally:
            self._reading = False
        now = reader.record.shown_status, reader.problem
        changed, self._before = now != self._before, now
        self._screen.post_message(RunRead(entries, changed))

    def _measure(self, reader: RunReader) -> None:
        pid = owner_pid(reader.record.paths.lock) if reader.record.status.live else None
        self._screen.post_message(MachineMeasured(self._meter.look(pid)))
