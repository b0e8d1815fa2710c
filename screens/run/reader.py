"""What is known of an open run: read piece by piece, never written, alive when the run's folder is not."""

from __future__ import annotations

import gc
from collections import deque

from runs.home import Home
from runs.log.events import Entry, Unknown
from runs.log.history import Follower, History
from runs.log.summary import Labels
from runs.store.crash_reason import last_words
from runs.store.run_store import Record, RunStore
from runs.store.status import Status
from runs.supervision import launcher
from screens.models.log import LogLine
from screens.views.log_lines import log_lines, log_notes, output_lines

_MOST_LOG_LINES = 1000
_OUTPUT_BYTES = 4000
_LONG_BYTES = 10_000_000


class Source:
    """A run that is looked at. Opening reads its whole log: do that in a thread.

    Args:
        home: where the run lies.
        run_id: its id, or a unique prefix.

    Attributes:
        record: the run, its status as of the last update.
        trouble: why it cannot be read now; empty where it can.

    Raises:
        NastuiError: no such run, several, or one that cannot be read.
    """

    def __init__(self, home: Home, run_id: str) -> None:
        # A store of our own: that of the other screens is busy in their threads.
        self.record: Record = RunStore(home).unread(run_id)
        self._follower = Follower(self.record.paths)
        self.trouble = ""
        self._log: deque[LogLine] = deque(maxlen=_MOST_LOG_LINES)
        self._output: list[LogLine] = []
        self._told: Status | None = None
        self._size = self._unknown = self._restarts = 0
        long = self.backlog() > _LONG_BYTES
        if long:
            gc.collect()
        self.update()
        if long:
            # Looking for cycles among so many records would hold up keys for half a second, again and again.
            gc.freeze()

    @property
    def history(self) -> History:
        """The events so far, folded."""
        return self._follower.history

    @property
    def log(self) -> tuple[LogLine, ...]:
        """The events so far in words; after a bad end, the end of the engine's own output too."""
        return (*self._log, *self._output)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is odd about the log itself, in sentences."""
        return log_notes(self._follower.malformed, self._unknown, self._restarts)

    def backlog(self) -> int:
        """Return how many bytes of the log wait to be read."""
        try:
            return self.record.paths.events.stat().st_size - self._size
        except OSError:
            return 0

    def update(self) -> list[Entry]:
        """Take in what is new, and return it."""
        self._size += max(0, self.backlog())
        entries: list[Entry] = []
        before = self.history
        try:
            status = self._follower.status(entries.append)
            self.trouble = ""
            if self.history is not before:
                self._unknown, self._restarts = 0, self._restarts + 1
                self._log.clear()  # the log has become shorter: it was written anew, and what it said is void
            self.record.summary = self.history.summary
            if not self.record.paths.root.is_dir():
                self.trouble = f"the folder of this run is gone: {self.record.paths.root}"
            else:
                self._take_status(status)
        except OSError as error:
            self.trouble = f"this run cannot be read: {error.strerror}"
        self._unknown += sum(isinstance(entry.event, Unknown) for entry in entries)
        for entry in entries:
            self._log.extend(log_lines(entry))
        return entries

    def _take_status(self, status: Status) -> None:
        record = self.record
        record.status = status
        record.labels = Labels.read(record.paths)
        if status is not self._told:
            self._told = status
            if status is Status.LOST:
                record.summary.problem = last_words(record.paths, record.summary.touched)
            badly = status in (Status.LOST, Status.FAILED)
            told = launcher.log_end(record.paths, _OUTPUT_BYTES) if badly else ""
            self._output = output_lines(told, self.history.summary.touched or 0.0)
