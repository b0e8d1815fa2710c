"""The current state of single runs: from their files and locks, the queue, and what Slurm has said of their jobs."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from runs.configuration import RunConfig
from runs.errors import UsageError
from runs.files import fingerprint
from runs.home import CONFIG_FILE, EVENTS_FILE, LABELS_FILE, Home, RunPaths
from runs.log.event_log import EventLogReader
from runs.log.summary import Summary
from runs.store.activity import stall_of
from runs.store.engine_output import crash_reason
from runs.store.labels import Labels
from runs.store.queue import Queue
from runs.store.record import Record
from runs.store.run_head import head
from runs.store.slurm_jobs import Entry, SlurmJobs, with_job
from runs.store.status import Status, derive


class RunStates:
    """Reads runs, each at the cost of what has changed since it was read last.

    Args:
        home: the home that holds the runs.
        queue: the queue of the home.
        slurm: the runs of the home that Slurm has.
    """

    def __init__(self, home: Home, queue: Queue, slurm: SlurmJobs) -> None:
        self._home, self._queue, self._slurm = home, queue, slurm
        self._runs = str(home.runs)
        self._pending: frozenset[str] = frozenset()
        self._jobs: dict[str, Entry] = {}

    def look_at_queues(self) -> set[str]:
        """Read which runs wait in the queue and which ones Slurm has; return those for which that has changed."""
        pending, jobs = self._pending, self._jobs
        self._pending, self._jobs = self._queue.pending(), self._slurm.read().entries
        changed = set(pending ^ self._pending)
        if jobs is not self._jobs:
            changed |= {run for run in jobs.keys() | self._jobs.keys() if jobs.get(run) != self._jobs.get(run)}
        return changed

    def read(self, name: str, known: Record | None) -> tuple[Record, bool] | None:
        """Return the current state of a run, and whether it has changed; None if its folder is gone.

        Args:
            name: of its directory.
            known: the run as it was read last. It is brought up to date unless its configuration or labels are new.

        Raises:
            UsageError: it cannot be read.
        """
        paths = known.paths if known else self._home.run(name)
        try:
            return self._read(name, paths, known)
        except UsageError:
            if paths.root.exists():  # otherwise it was removed while it was read
                raise
            return None

    def _read(self, name: str, paths: RunPaths, known: Record | None) -> tuple[Record, bool]:
        # As text: to make the paths of thousands of files takes longer than to look at them.
        folder = f"{self._runs}/{name}"
        signature = [fingerprint(f"{folder}/{CONFIG_FILE}"), fingerprint(f"{folder}/{LABELS_FILE}")]
        if known is None or known.signature != signature:
            config = _configuration(paths)
            # A configuration never changes: another one is that of a run that was deleted and created again.
            is_same = known is not None and known.signature[:1] == signature[:1]
            summary, offset = (known.summary, known.offset) if known and is_same else (Summary(), 0)
            record = Record(paths, head(config), Labels.read(paths), summary, Status.QUEUED, offset, signature)
        else:
            record = known
        before, was = record.offset, known.shown_status if known else None
        try:
            # A finished run stays finished, so for most runs of a large store the lock need not be read.
            if record.summary.lifecycle == "finished" and _size(f"{folder}/{EVENTS_FILE}") == before:
                record.status = Status.FINISHED
            else:
                record.status = derive(paths, lambda: _caught_up(record))
        except OSError as error:
            raise UsageError(f"'{paths.events}' cannot be read: {error.strerror}.") from error
        job, record.job = record.job, self._jobs.get(name)
        record.status = self._with_queues(name, record.status)
        record.stall = stall_of(paths, live=record.status.live)
        changed = record is not known or record.offset != before or record.shown_status is not was or record.job != job
        if changed and record.status is Status.LOST:
            ended = record.job.problem() if record.job is not None else ""
            record.summary.problem = crash_reason(paths, record.summary.touched) or ended
        elif changed and record.status is Status.QUEUED and record.job is not None:
            record.summary.problem = ""  # of an earlier job
        return record, changed

    def _with_queues(self, name: str, status: Status) -> Status:
        """Return the status of a run with regard to the queue and to Slurm."""
        if status.resumable and name in self._pending:
            return Status.QUEUED
        return with_job(status, self._jobs.get(name))


def _configuration(paths: RunPaths) -> RunConfig:
    """Read the configuration of a run, twice if need be: another process may have removed and restored the run.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return RunConfig.read(paths.config)
    except UsageError:
        return RunConfig.read(paths.config)


def _caught_up(record: Record) -> str:
    """Fold new events into the record's summary, and return the last lifecycle event."""
    if _size(record.paths.events) != record.offset:
        reader = EventLogReader(record.paths.events, record.offset)
        entries = list(reader.read())
        if reader.restarted:
            record.summary = Summary()
        for entry in entries:
            record.summary.apply(entry)
        record.offset = reader.offset
    return record.summary.lifecycle


def _size(path: str | Path) -> int:
    """Return the size of a log in bytes: 0 if there is none, and -1 if reading it will tell what is wrong with it."""
    try:
        found = os.stat(path)  # noqa: PTH116 - for thousands of runs, again and again
    except FileNotFoundError:
        return 0
    except OSError:
        return -1
    return found.st_size if stat.S_ISREG(found.st_mode) else -1
