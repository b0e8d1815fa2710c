"""Reading an open run piece by piece, without writing to it; what was read stays if the run's folder disappears."""

from __future__ import annotations

import gc
from collections import deque

from runs.fleet.queueing import Wait, waits
from runs.home import Home
from runs.log.events import Entry, Unknown
from runs.log.history import Follower, History
from runs.store.activity import stall_of
from runs.store.engine_output import crash_reason, output_end
from runs.store.labels import Labels
from runs.store.queue import Queue
from runs.store.record import Record
from runs.store.run_store import RunStore
from runs.store.slurm_jobs import SlurmJobs, with_job
from runs.store.status import Status, follow_status
from screens.models.log import LogLine
from screens.views.log_lines import log_lines, log_notes, output_lines

_MOST_LOG_LINES = 1000
_OUTPUT_BYTES = 4000
_LONG_BYTES = 10_000_000


class RunReader:
    """Reads one run. The constructor reads the whole log: call it in a thread.

    Args:
        home: where the run is stored.
        run_id: its id, or a unique prefix.

    Attributes:
        record: the run, with its status as of the last update.
        problem: why it cannot be read now; empty if it can.
        wait: its place in the queue, if it waits there.

    Raises:
        NastuiError: there is no such run, or several, or it cannot be read.
    """

    def __init__(self, home: Home, run_id: str) -> None:
        # A store of its own: other screens use theirs in their threads.
        self.record: Record = RunStore(home).unread(run_id)
        self._queue, self._jobs = Queue(home), SlurmJobs(home)
        self.wait: Wait | None = None
        self._follower = Follower(self.record.paths)
        self.problem = ""
        self._log: deque[LogLine] = deque(maxlen=_MOST_LOG_LINES)
        self._output: list[LogLine] = []
        self._last_status: Status | None = None
        self._size = self._unknown = self._restarts = 0
        long = self.backlog() > _LONG_BYTES
        if long:
            gc.collect()
        self.update()
        if long:
            # Otherwise the garbage collector would scan so many records again and again, and block keys for half a
            # second each time.
            gc.freeze()

    @property
    def history(self) -> History:
        """The events so far, folded."""
        return self._follower.history

    @property
    def log(self) -> tuple[LogLine, ...]:
        """The events so far as lines; after a failure or a crash, also the end of the engine's own output."""
        return (*self._log, *self._output)

    @property
    def notes(self) -> tuple[str, ...]:
        """Irregularities of the log itself, in sentences."""
        return log_notes(self._follower.malformed, self._unknown, self._restarts)

    def backlog(self) -> int:
        """Return how many bytes of the log have not been read."""
        try:
            return self.record.paths.events.stat().st_size - self._size
        except OSError:
            return 0

    def update(self) -> list[Entry]:
        """Read what is new, and return it."""
        self._size += max(0, self.backlog())
        entries: list[Entry] = []
        before = self.history
        try:
            status = follow_status(self._follower, entries.append)
            self.problem = ""
            if self.history is not before:
                self._unknown, self._restarts = 0, self._restarts + 1
                self._log.clear()  # the log became shorter, so it was written anew: the lines so far are void
            self.record.summary = self.history.summary
            if not self.record.paths.root.is_dir():
                self.problem = f"the folder of this run is gone: {self.record.paths.root}"
            else:
                self._take_status(status)
        except OSError as error:
            self.problem = f"this run cannot be read: {error.strerror}"
        self._unknown += sum(isinstance(entry.event, Unknown) for entry in entries)
        for entry in entries:
            self._log.extend(log_lines(entry))
        return entries

    def _take_status(self, status: Status) -> None:
        record = self.record
        self.wait = waits(self._queue.read()).get(record.id) if status.resumable else None
        record.job = self._jobs.read().entries.get(record.id)
        status = Status.QUEUED if self.wait is not None else with_job(status, record.job)
        record.status = status
        record.stall = stall_of(record.paths, live=status.live)
        record.labels = Labels.read(record.paths)
        if status is not self._last_status:
            self._last_status = status
            if status is Status.LOST:
                ended = record.job.problem() if record.job is not None else ""
                record.summary.problem = crash_reason(record.paths, record.summary.touched) or ended
            ended_badly = status in (Status.LOST, Status.FAILED)
            output = output_end(record.paths, _OUTPUT_BYTES) if ended_badly else ""
            self._output = output_lines(output, self.history.summary.touched or 0.0)
