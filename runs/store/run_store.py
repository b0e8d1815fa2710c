"""The store of runs: the directories are authoritative; the index makes listing them fast."""

from __future__ import annotations

import contextlib
import gc
import os
import secrets
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from filelock import Timeout

from runs.configuration import RunConfig
from runs.errors import BusyError, EnvironmentLacksError, NotFoundError, UsageError
from runs.files import discard_abandoned, discard_unfinished
from runs.home import Home, RunPaths, short_id
from runs.log.history import without_collection
from runs.log.summary import Summary
from runs.store.folder_watch import FolderWatch
from runs.store.index import Index
from runs.store.labels import Labels
from runs.store.lock import is_held_for_certain
from runs.store.queue import Queue
from runs.store.record import Record
from runs.store.run_head import head
from runs.store.run_states import RunStates
from runs.store.slurm_jobs import SlurmJobs
from runs.store.status import Status, derive
from runs.store.store_lock import changing
from runs.store.trash import Trash


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
        self._index = Index(home.index, home.index_lock)
        self.queue = Queue(home)
        self._slurm = SlurmJobs(home)
        self._states = RunStates(home, self.queue, self._slurm)
        self._records: dict[str, Record] | None = None
        self._listing = threading.RLock()
        self._live: set[str] = set()
        self._watch = FolderWatch(home.runs)
        self.unreadable: dict[str, str] = {}

    def create(
        self, config: RunConfig, labels: Labels, fill: Callable[[RunPaths], object] = lambda paths: None
    ) -> RunPaths:
        """Create the directory of a run atomically; ``fill`` writes further files into it.

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
        self._states.look_at_queues()
        names = self._watch.begin()
        self._records, self._live, self.unreadable = known, set(), {}
        self._update(names, set(known) - set(names))
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
            changes = self._watch.look(seconds)
            due = self._live | (self._states.look_at_queues() & self._records.keys()) | changes.due
            return self._update(due - changes.gone, changes.gone)

    def _update(self, names: Iterable[str], gone: set[str]) -> bool:
        """Read these runs again, forget those that are gone, and return whether anything has changed."""
        known = self._records if self._records is not None else {}
        unreadable, dropped = dict(self.unreadable), set(gone)
        changed = []
        for name in names:
            modified = self._watch.time_of(name)
            try:
                read = self._states.read(name, known.get(name))
            except UsageError as error:
                read, self.unreadable[name] = None, str(error)
            else:
                self.unreadable.pop(name, None)
                if read is None:
                    self._watch.forget(name)
            if read is None:
                if name in known:
                    dropped.add(name)
                continue
            record, has_changed = read
            self._watch.has_read(name, modified)
            known[name] = record
            if record.status.live:
                self._live.add(name)
            else:
                self._live.discard(name)
            if has_changed:
                changed.append(record)
        for name in dropped:
            known.pop(name, None)
            self._live.discard(name)
        for name in gone:
            self.unreadable.pop(name, None)
            self._watch.forget(name)
        self._records = known
        # A live run changes many times a second; the index is updated after it has ended.
        self._save([record for record in changed if not record.status.live], dropped)
        return bool(changed or dropped or unreadable != self.unreadable)

    def find(self, name: str) -> Record:
        """Return the run with that id, with a unique prefix of it, or the ``latest``.

        Raises:
            NotFoundError: there is none, or there are several (they are listed).
            UsageError: it cannot be read.
        """
        found = self._named(name)
        with self._listing:
            self._states.look_at_queues()
            read = self._states.read(found, (self._records or {}).get(found))
        if read is None:
            raise _gone(found)
        return read[0]

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
        names = self._watch.names()
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
            os.utime(self.home.runs)  # for viewers: see `look`
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
        found = _matching(name, [run.name for run in Trash.of(self.home).runs])
        if not found:
            raise NotFoundError(f"No run in the trash has an id that begins with '{name[:80]}'.")
        if len(found) > 1:
            listed = ", ".join(sorted(found))
            raise NotFoundError(
                f"'{name[:80]}' names {len(found)} runs in the trash: {listed}.", "Give more of the id."
            )
        with self._locked(found[0]):
            (self.home.trash / found[0]).rename(self.home.run(found[0]).root)
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
                records[name] = Record.from_document(self.home.run(name), document)
        return records

    def _save(self, changed: list[Record], gone: set[str]) -> None:
        # Writing the index takes time for every run, while reading a few runs again takes almost none: wait until it
        # pays off.
        if 100 * (len(changed) + len(gone)) < len(self._records or ()):
            return
        documents = (record.to_document() for record in changed)
        # The index is a cache. If the disk is full, the store read-only or a writer busy, only speed is lost.
        with contextlib.suppress(OSError, Timeout):
            self._index.update(documents, gone)

    @contextlib.contextmanager
    def _locked(self, run: str) -> Iterator[None]:
        """Hold the store's lock while a run is changed, and turn failures into errors for users."""
        busy = f"Another process is using the store '{self.home.root}'."
        with changing(self.home.index_lock, busy, f"The store '{self.home.root}' cannot be written"):
            try:
                yield
            except FileNotFoundError as error:
                raise _gone(run) from error


def _gone(run: str) -> NotFoundError:
    return NotFoundError(f"Run '{run}' is no longer there.", "See `nastui runs list`.")


def _matching(name: str, names: list[str]) -> list[str]:
    """Return the run with that id, else all runs whose ids start with it."""
    return [name] if name in names else [run for run in names if name and run.startswith(name)]
