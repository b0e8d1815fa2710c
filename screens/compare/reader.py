"""Reading the runs of a comparison piece by piece in a thread; each update is a snapshot."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from typing import Any

from runs.benchmarks.published import beside
from runs.errors import NastuiError, UsageError
from runs.home import Home, short_id
from runs.log.events import Entry, Progress, Unknown
from runs.log.history import Follower
from runs.store.activity import stall_of
from runs.store.compare import compare
from runs.store.record import Record
from runs.store.run_store import RunStore
from runs.store.status import Status, follow_status
from screens.models.compare import ComparedRun, Comparison
from screens.views.log_lines import log_notes

MOST_RUNS = 52
"""The number of letters that mark them."""


class ComparisonReader:
    """Reads the runs of a comparison. Every call reads files: make it in a thread.

    Args:
        home: where the runs are stored.
        ids: their ids or unique prefixes; runs that cannot be found are reported and left out.
    """

    def __init__(self, home: Home, ids: Sequence[str]) -> None:
        # A store of its own: other screens use theirs in their threads.
        store = RunStore(home)
        self._problems: list[str] = []
        self._records: list[Record] = []
        for name in dict.fromkeys(ids):
            try:
                self._records.append(store.find(name))
            except NastuiError as error:
                self._problems.append(str(error))
        if len(self._records) > MOST_RUNS:
            self._problems.append(f"Showing {MOST_RUNS} of {len(self._records)} runs.")
            del self._records[MOST_RUNS:]
        self._followers = [Follower(record.paths) for record in self._records]
        self._runs: list[ComparedRun] = [ComparedRun(record) for record in self._records]
        self._has_read = False

    def update(self) -> Comparison | None:
        """Return the runs as they are now; None if nothing that is shown has changed."""
        changed = [self._read(index) for index in range(len(self._records))]
        if self._has_read and not any(changed):
            return None
        self._has_read = True
        records = [run.record for run in self._runs]
        problems = [*self._problems, *(run.gone for run in self._runs if run.gone)]
        problems += [f"{short_id(run.record.id)}: {note}" for run in self._runs for note in run.notes]
        content: dict[str, Any] = {}
        try:
            content = compare(records)
        except UsageError as error:
            problems.append(str(error))
        pairs = {(str(record.head["space"]), str(record.head["dataset"])) for record in records}
        return Comparison(tuple(self._runs), content, tuple(beside(pairs)), tuple(problems))

    def _read(self, index: int) -> bool:
        """Read the new events of one run, and return whether there is anything to show."""
        record, follower, before = self._records[index], self._followers[index], self._runs[index]
        entries: list[Entry] = []
        history = follower.history
        try:
            status = follow_status(follower, entries.append)
            gone = "" if record.paths.root.is_dir() else "its folder is gone"
        except OSError as error:
            status, gone = before.record.status, f"{error.strerror}"
        if gone:
            gone = f"Run {short_id(record.id)} cannot be read any more ({gone}); showing what was read before."
            self._runs[index] = dataclasses.replace(before, gone=gone)
            return gone != before.gone
        again = follower.history is not history  # the log was written anew, so what was read is void
        unknown = sum(isinstance(entry.event, Unknown) for entry in entries) + (0 if again else before.unknown)
        restarts = before.restarts + again
        notes = log_notes(follower.malformed, unknown, restarts)
        stall = stall_of(record.paths, live=status.live)
        was = before.record.status, before.record.shown_status
        is_new = any(not isinstance(entry.event, Progress) for entry in entries) or notes != before.notes
        is_same = was == (status, status if stall is None else Status.STALLED)
        if self._has_read and not is_new and is_same and not before.gone:
            return False
        # The follower keeps changing its own summary.
        summary = copy.deepcopy(follower.history.summary)
        record = dataclasses.replace(record, summary=summary, status=status, stall=stall)
        self._runs[index] = ComparedRun(record, tuple(follower.history.epochs), "", unknown, restarts, notes)
        return True
