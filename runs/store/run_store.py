"""The store of runs: the directories are authoritative; the index makes listing them fast."""

from __future__ import annotations

import contextlib
import datetime
import gc
import math
import os
import re
import secrets
import shutil
import stat
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from filelock import Timeout

from runs.configuration import IMPORTED, RunConfig
from runs.errors import BusyError, EnvironmentLacksError, NotFoundError, UsageError
from runs.files import copy_regular, discard_abandoned, discard_unfinished, fingerprint
from runs.home import Home, RunPaths, short_id
from runs.log.event_log import EventLogReader
from runs.log.history import without_collection
from runs.log.summary import Summary
from runs.store.activity import Stall, stall_of
from runs.store.crash_reason import crash_reason
from runs.store.index import Index
from runs.store.labels import Labels
from runs.store.lock import is_held_for_certain
from runs.store.queue import Queue
from runs.store.run_head import head
from runs.store.slurm_jobs import Entry, SlurmJobs, with_job
from runs.store.status import Status, derive
from runs.store.store_lock import store_lock

# Engines that start, and changes of labels, are noticed at once, because they renew the time of the folder of runs.
# Other changes in a run's folder are noticed within the first time. Changes that renew the time of no folder, such as
# the start of an engine of version 0.2, are noticed within the second.
GLANCE_SECONDS, READ_SECONDS = 10.0, 100.0
# This many cost about a millisecond, so that smaller stores are examined as a whole.
LEAST_GLANCES, LEAST_READS = 500, 50
# Within this time of a folder's modification, another one may leave the same time stamp.
_UNSETTLED_NS = 2 * 10**9

_RUN_ID = re.compile(r"[0-9a-f]{8}-\w+-\w+")


@dataclass
class Record:
    """A run in a list: its unchanging head, its labels, the summary of its events, and its status.

    Attributes:
        job: its job, if Slurm has the run or had it last.
        stall: what its engine did last, and since when it has made no progress, if it lives and is stalled.
    """

    paths: RunPaths
    head: dict[str, Any]
    labels: Labels
    summary: Summary
    status: Status = Status.QUEUED
    offset: int = 0
    signature: list[Any] = field(default_factory=list)
    stall: Stall | None = None
    job: Entry | None = None

    @property
    def shown_status(self) -> Status:
        """The status for people: ``stalled`` for a live run that makes no progress."""
        return Status.STALLED if self.stall is not None else self.status

    @property
    def is_in_slurm(self) -> bool:
        """Whether Slurm has a job that works on the run, or will."""
        return self.job is not None and not self.job.ended

    @property
    def resumable(self) -> bool:
        """Whether an engine can be started for it: it has none, and no job in Slurm that will start one."""
        return self.status.resumable and not (self.status is Status.QUEUED and self.is_in_slurm)

    @property
    def job_text(self) -> str:
        """What Slurm says of its job, such as ``pending (Priority)``; empty without one, or after its end."""
        return "" if self.job is None else self.job.text(live=self.status.live)

    @cached_property
    def id(self) -> str:
        """The run's id."""
        return self.paths.root.name

    @property
    def origin(self) -> str:
        """The source of a retrained genotype: a run's short id and epoch, or a published name; an imported file's name.

        Empty for a search."""
        name, comma, rest = str(self.head["origin"]).partition(",")
        return f"{short_id(name) if _RUN_ID.fullmatch(name) else name}{comma}{rest}"

    @property
    def subject(self) -> str:
        """What stands for a missing name: the genotype that is retrained, or the imported file; empty for a search."""
        return self.origin if self.head["kind"] == IMPORTED else f"of {self.origin}" if self.origin else ""

    def to_json(self) -> dict[str, Any]:
        """Return what ``nastui runs show --json`` prints; keys are an interface."""
        from_epoch = {
            name: getattr(self.summary, name)
            for name in ("epoch", "epochs", "seconds", "metrics", "best", "genotype", "parameters", "macs")
        }
        return {
            **self.head,
            "id": self.id,
            "name": self.labels.name,
            "tags": self.labels.tags,
            "note": self.labels.note,
            "status": str(self.status),
            "stalled": self.stall and self.stall.to_json(),
            "started": _stamp(self.summary.started),
            "ended": _stamp(self.summary.ended),
            **from_epoch,
            "network": self.summary.network,
            "genotype_stood": self.summary.stood,
            "benchmark": self.summary.benchmark,
            "benchmark_rank": self.summary.benchmark_rank,
            "benchmark_size": self.summary.benchmark_size,
            "problem": self.summary.problem,
            "hint": self.summary.hint,
            "early_stop": {"rule": self.summary.stop_rule, "reason": self.summary.stop_reason}
            if self.summary.stop_rule
            else None,
            "slurm": self.job and self.job.to_json(),
            "path": str(self.paths.root),
        }


class RunStore:
    """Creates, finds, lists, labels and removes runs.

    Args:
        home: the home that holds them. Its folders are created with the first run.

    Attributes:
        queue: the queue of the home.
        unreadable: by name of the directory, why it cannot be read.
    """

    def __init__(self, home: Home) -> None:
        self.home = home
        self._runs = str(home.runs)
        self._index = Index(home.index, home.index_lock)
        self.queue = Queue(home)
        self._pending: frozenset[str] = frozenset()
        self._slurm = SlurmJobs(home)
        self._jobs: dict[str, Entry] = {}
        self._records: dict[str, Record] | None = None
        self._listing = threading.RLock()
        self._live: set[str] = set()
        self._folder_time = 0
        self._folder_times: dict[str, int] = {}
        self._to_glance_at: deque[str] = deque()
        self._to_read: deque[str] = deque()
        self.unreadable: dict[str, str] = {}

    def create(
        self,
        config: RunConfig,
        labels: Labels,
        weights: Path | None = None,
        fill: Callable[[RunPaths], object] = lambda paths: None,
    ) -> RunPaths:
        """Create the directory of a run atomically; ``weights`` are copied into it, and ``fill`` writes further files.

        Raises:
            UsageError: a label may not be stored.
            EnvironmentLacksError: the home cannot be written, or the disk is full.
        """
        self.home.prepare()
        discard_abandoned(self.home.runs, ".*")
        # A name of its own: what a killed process has left must not be in the way.
        paths, building = self.home.run(config.id), RunPaths(self.home.runs / f".{config.id}.{secrets.token_hex(4)}")
        try:
            building.root.mkdir()
            labels.write(building)
            config.write(building.config)
            if weights is not None:
                copy_regular(weights, building.root / config.weights)
            building.requests.mkdir()
            fill(building)
            building.root.rename(paths.root)
        except OSError as error:
            raise EnvironmentLacksError(
                f"The run cannot be created in '{self.home.runs}': {error.strerror}.",
                "Free some space, or name another folder with --home or NASTUI_HOME.",
            ) from error
        finally:
            shutil.rmtree(building.root, ignore_errors=True)
        return paths

    def records(self) -> list[Record]:
        """Return every run, newest first, with its current status.

        It takes three file system look-ups per run, and reads only the runs that changed since the last call.
        Directories that cannot be read are listed in :attr:`unreadable`. Several threads may call it at once.
        """
        with self._listing:
            if self._records is not None:
                return self._listed(self._records)
            with without_collection():
                records = self._listed(self._from_index())
                # The records live as long as the store. Without this, each garbage collection would scan ten thousand
                # of them and freeze a dashboard for a third of a second.
                gc.freeze()
            return records

    def _listed(self, known: dict[str, Record]) -> list[Record]:
        self._folder_time = folder_time(self._runs)
        self._look_at_queues()
        names = self._run_names()
        self._records, self._live, self.unreadable, self._folder_times = known, set(), {}, {}
        self._update(names, set(known) - set(names))
        self._to_glance_at, self._to_read = deque(names), deque(names)
        return self.known()

    def known(self) -> list[Record]:
        """Return every run, newest first, as of the last look."""
        with self._listing:
            return sorted((self._records or {}).values(), key=lambda record: record.head["created"], reverse=True)

    def look(self, seconds: float) -> bool:
        """Look for changes since the last look, and return whether there are any; :meth:`known` then has them.

        This costs a fraction of :meth:`records`. It reads the runs that have an engine. If the folder of runs has a
        new time, it examines the times of all folders; otherwise only those of some, in turn.

        Args:
            seconds: since the last look.
        """
        with self._listing:
            if self._records is None:
                self.records()
                return True
            due = set(self._live) | self._look_at_queues()
            glances = max(LEAST_GLANCES, math.ceil(len(self._to_glance_at) * seconds / GLANCE_SECONDS))
            new: set[str] = set()
            gone: set[str] = set()
            modified = folder_time(self._runs)
            if not modified or modified != self._folder_time:
                self._folder_time = modified
                names = set(self._run_names())
                known = self._records.keys() | self.unreadable.keys()
                gone, new = known - names, names - known
                glances = len(self._to_glance_at)
            due |= {name for name in self._next(self._to_glance_at, glances) if self._may_have_changed(name)}
            reads = max(LEAST_READS, math.ceil(len(self._to_read) * seconds / READ_SECONDS))
            due |= set(self._next(self._to_read, reads))
            for queue in (self._to_glance_at, self._to_read):
                queue.extend(new)
            return self._update((due | new) - gone, gone)

    def _look_at_queues(self) -> set[str]:
        """Read which runs wait in the queue and which ones Slurm has; return those for which that has changed."""
        pending, jobs = self._pending, self._jobs
        self._pending, self._jobs = self.queue.pending(), self._slurm.read().entries
        changed = set(pending ^ self._pending)
        if jobs is not self._jobs:
            changed |= {run for run in jobs.keys() | self._jobs.keys() if jobs.get(run) != self._jobs.get(run)}
        return changed & (self._records or {}).keys()

    def _next(self, queue: deque[str], number: int) -> list[str]:
        """Return so many names from the front of a queue, and put those that are still known at its end."""
        names = [queue.popleft() for _ in range(min(number, len(queue)))]
        known = self._records or {}
        names = [name for name in names if name in known or name in self.unreadable]
        queue.extend(names)
        return names

    def _may_have_changed(self, name: str) -> bool:
        modified = folder_time(f"{self._runs}/{name}")
        return not modified or modified != self._folder_times.get(name)

    def _update(self, names: Iterable[str], gone: set[str]) -> bool:
        """Read these runs again, forget those that are gone, and return whether anything has changed."""
        known = self._records if self._records is not None else {}
        unreadable = dict(self.unreadable)
        changed = []
        for name in names:
            modified = folder_time(f"{self._runs}/{name}")
            record, has_changed = self._refreshed(name, known.get(name))
            if record is None:
                gone = gone | {name} if name in known else gone
                continue
            self._folder_times[name] = modified
            known[name] = record
            if record.status.live:
                self._live.add(name)
            else:
                self._live.discard(name)
            if has_changed:
                changed.append(record)
        for name in gone:
            known.pop(name, None)
            self.unreadable.pop(name, None)
            self._folder_times.pop(name, None)
            self._live.discard(name)
        self._records = known
        # A live run changes many times a second; the index is updated after it has ended.
        self._save([record for record in changed if not record.status.live], gone)
        return bool(changed or gone or unreadable != self.unreadable)

    def find(self, name: str) -> Record:
        """Return the run with that id, with a unique prefix of it, or the ``latest``.

        Raises:
            NotFoundError: there is none, or there are several (they are listed).
        """
        found = self._named(name)
        with self._listing:
            self._look_at_queues()
            record, _ = self._refreshed(found, (self._records or {}).get(found))
        if record is None:
            raise UsageError(self.unreadable[found]) if found in self.unreadable else _gone(found)
        return record

    def unread(self, name: str) -> Record:
        """Return a run as :meth:`find` does, but with an empty summary, for callers that read the event log directly.

        Raises:
            NotFoundError: there is none, or there are several.
            UsageError: its configuration cannot be read.
        """
        paths = self.home.run(self._named(name))
        config = RunConfig.read(paths.config)
        return Record(paths, head(config), Labels.read(paths), Summary(), Status.QUEUED)

    def _named(self, name: str) -> str:
        names = self._run_names()
        if name == "latest":
            records = self.records()
            if not records:
                raise NotFoundError("There are no runs yet.", "Start one: nastui search drnas --preset quick")
            return records[0].id
        found = _matching(name, names)
        if not found:
            raise NotFoundError(f"No run's id begins with '{name[:80]}'.", "See `nastui runs list`.")
        if len(found) > 1:
            listed = ", ".join(sorted(found)[:8]) + (", …" if len(found) > 8 else "")
            raise NotFoundError(f"'{name[:80]}' names {len(found)} runs: {listed}.", "Give more of the id.")
        return found[0]

    def label(self, record: Record, change: Callable[[Labels], None]) -> Labels:
        """Change the name, tags or note of a run under the store's lock.

        Raises:
            UsageError: a label may not be stored.
            NotFoundError: the run has been removed in the meantime.
            BusyError: another process held the store for half a minute.
            EnvironmentLacksError: the store cannot be written.
        """
        with self._locked(record.id):
            discard_unfinished(record.paths.labels)
            labels = Labels.read(record.paths)
            change(labels)
            labels.write(record.paths)
            os.utime(self._runs)  # for viewers: see `look`
        return Labels.read(record.paths)

    def remove(self, record: Record) -> Path:
        """Move a run to the trash and return its folder there.

        Raises:
            BusyError: it is running.
            NotFoundError: it has been removed in the meantime.
        """
        status = derive(record.paths, lambda: record.summary.lifecycle)
        if status is not Status.FINISHED and record.id in self._slurm.active():
            raise BusyError(f"Run '{record.id}' is in Slurm.", f"First: nastui runs stop {short_id(record.id)}")
        if status.live or (status is not Status.FINISHED and is_held_for_certain(record.paths.lock)):
            raise BusyError(f"Run '{record.id}' is running.", f"First: nastui runs stop {short_id(record.id)}")
        target = self.home.trash / record.id
        with self._locked(record.id):
            self.home.trash.mkdir(exist_ok=True)
            record.paths.root.rename(target)
        return target

    def restore(self, name: str) -> RunPaths:
        """Restore a run from the trash.

        Raises:
            NotFoundError: no run in the trash has that prefix, or several have.
        """
        trash = self.home.trash
        there = trash.iterdir() if trash.is_dir() else ()
        found = _matching(name, [run.name for run in there if run != self.home.removed_benchmarks])
        if not found:
            raise NotFoundError(f"No run in the trash has an id that begins with '{name[:80]}'.")
        if len(found) > 1:
            listed = ", ".join(sorted(found))
            raise NotFoundError(
                f"'{name[:80]}' names {len(found)} runs in the trash: {listed}.", "Give more of the id."
            )
        with self._locked(found[0]):
            (trash / found[0]).rename(self.home.run(found[0]).root)
        return self.home.run(found[0])

    def reindex(self) -> int:
        """Rebuild the index from the run directories; return how many runs there are."""
        self.home.prepare()
        with contextlib.suppress(FileNotFoundError):
            self.home.index.unlink()
        self._records = {}
        return len(self.records())

    def _from_index(self) -> dict[str, Record]:
        records = {}
        for name, document in self._index.read().items():
            with contextlib.suppress(KeyError, TypeError, ValueError):
                records[name] = Record(
                    self.home.run(name),
                    document["head"],
                    Labels(**document["labels"]),
                    Summary.from_json(document["summary"]),
                    Status(document["status"]),
                    document["offset"],
                    document["signature"],
                )
        return records

    def _run_names(self) -> list[str]:
        try:
            with os.scandir(self.home.runs) as entries:
                return [entry.name for entry in entries if not entry.name.startswith(".")]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise EnvironmentLacksError(f"'{self.home.runs}' cannot be read: {error.strerror}.") from error

    def _refreshed(self, name: str, known: Record | None) -> tuple[Record | None, bool]:
        """Return the current state of a run, and whether it has changed."""
        paths = known.paths if known else self.home.run(name)
        signature = [fingerprint(paths.config), fingerprint(paths.labels)]
        if known is None or known.signature != signature:
            try:
                config = RunConfig.read(paths.config)
            except UsageError as error:
                return self._unreadable(paths, str(error))
            self.unreadable.pop(name, None)
            summary, offset = (known.summary, known.offset) if known else (Summary(), 0)
            record = Record(paths, head(config), Labels.read(paths), summary, Status.QUEUED, offset, signature)
        else:
            record = known
        before, was = record.offset, known.shown_status if known else None
        try:
            # A finished run stays finished, so for most runs of a large store the lock need not be read.
            if record.summary.lifecycle == "finished" and _size(paths.events) == before:
                record.status = Status.FINISHED
            else:
                record.status = derive(paths, lambda: _caught_up(record))
        except OSError as error:
            return self._unreadable(paths, f"'{paths.events}' cannot be read: {error.strerror}.")
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

    def _unreadable(self, paths: RunPaths, why: str) -> tuple[None, bool]:
        if paths.root.exists():  # otherwise it was removed while it was read
            self.unreadable[paths.root.name] = why
        return None, False

    def _save(self, changed: list[Record], gone: set[str]) -> None:
        # Writing the index takes time for every run, while reading a few runs again takes almost none: wait until it
        # pays off.
        if 100 * (len(changed) + len(gone)) < len(self._records or ()):
            return
        documents = (
            {
                "id": record.id,
                "head": record.head,
                "labels": vars(record.labels),
                "summary": record.summary.to_json(),
                "status": str(record.status),
                "offset": record.offset,
                "signature": record.signature,
            }
            for record in changed
        )
        # The index is a cache. If the disk is full, the store read-only or a writer busy, only speed is lost.
        with contextlib.suppress(OSError, Timeout):
            self._index.update(documents, gone)

    @contextlib.contextmanager
    def _locked(self, run: str) -> Iterator[None]:
        """Hold the store's lock while a run is changed, and turn failures into errors for users."""
        try:
            with store_lock(self.home.index_lock):
                yield
        except Timeout as error:
            raise BusyError(f"Another process is using the store '{self.home.root}'.", "Try again.") from error
        except FileNotFoundError as error:
            raise _gone(run) from error
        except OSError as error:
            raise EnvironmentLacksError(f"The store '{self.home.root}' cannot be written: {error.strerror}.") from error


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


def _gone(run: str) -> NotFoundError:
    return NotFoundError(f"Run '{run}' is no longer there.", "See `nastui runs list`.")


def _matching(name: str, names: list[str]) -> list[str]:
    """Return the run with that id, else all runs whose ids start with it."""
    return [name] if name in names else [run for run in names if name and run.startswith(name)]


def folder_time(folder: str) -> int:
    """Return when a folder or its attributes changed, in nanoseconds; 0 if the next change may get the same time."""
    try:
        modified = os.stat(folder).st_ctime_ns  # noqa: PTH116 - for thousands of runs, again and again
    except OSError:
        return 0
    return modified if time.time_ns() - modified > _UNSETTLED_NS else 0


def _size(path: Path) -> int:
    """Return the size of a log in bytes: 0 if there is none, and -1 if reading it will tell what is wrong with it."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0
    except OSError:
        return -1
    return found.st_size if stat.S_ISREG(found.st_mode) else -1


def _stamp(moment: float | None) -> str | None:
    if moment is None:
        return None
    return datetime.datetime.fromtimestamp(moment, datetime.UTC).isoformat(timespec="seconds")
