"""What is known of runs that are compared: read piece by piece in a thread, handed on as snapshots."""

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
from runs.store.compare import compare
from runs.store.run_store import Record, RunStore
from runs.store.status import follow_status
from screens.models.compare import ComparedRun, Comparison
from screens.views.log_lines import log_notes

MOST_RUNS = 52
"""As many as there are letters to mark them."""


class ComparisonReader:
    """The runs of a comparison. Every call reads files: make it in a thread.

    Args:
        home: where the runs lie.
        ids: their ids or unique beginnings; those that cannot be found are told of, and left out.
    """

    def __init__(self, home: Home, ids: Sequence[str]) -> None:
        # A store of our own: that of the other screens is busy in their threads.
        store = RunStore(home)
        self._problems: list[str] = []
        self._records: list[Record] = []
        for name in dict.fromkeys(ids):
            try:
                self._records.append(store.find(name))
            except NastuiError as error:
                self._problems.append(str(error))
        if len(self._records) > MOST_RUNS:
            self._problems.append(f"Shown are {MOST_RUNS} of {len(self._records)} runs.")
            del self._records[MOST_RUNS:]
        self._followers = [Follower(record.paths) for record in self._records]
        self._known: list[ComparedRun] = [ComparedRun(record) for record in self._records]
        self._begun = False

    def update(self) -> Comparison | None:
        """Return what is known now; None where nothing that is shown has changed."""
        changed = [self._look(place) for place in range(len(self._records))]
        if self._begun and not any(changed):
            return None
        self._begun = True
        records = [known.record for known in self._known]
        problems = [*self._problems, *(known.gone for known in self._known if known.gone)]
        problems += [f"{short_id(known.record.id)}: {note}" for known in self._known for note in known.notes]
        content: dict[str, Any] = {}
        try:
            content = compare(records)
        except UsageError as error:
            problems.append(str(error))
        pairs = {(str(record.head["space"]), str(record.head["dataset"])) for record in records}
        return Comparison(tuple(self._known), content, tuple(beside(pairs)), tuple(problems))

    def _look(self, place: int) -> bool:
        """Take in what is new of one run, and say whether there is anything to show."""
        record, follower, before = self._records[place], self._followers[place], self._known[place]
        entries: list[Entry] = []
        history = follower.history
        try:
            status = follow_status(follower, entries.append)
            gone = "" if record.paths.root.is_dir() else "its folder is gone"
        except OSError as error:
            status, gone = before.record.status, f"{error.strerror}"
        if gone:
            gone = f"Run {short_id(record.id)} cannot be read any more ({gone}); shown is what was read before."
            self._known[place] = dataclasses.replace(before, gone=gone)
            return gone != before.gone
        again = follower.history is not history  # it was written anew, and what it said is void
        unknown = sum(isinstance(entry.event, Unknown) for entry in entries) + (0 if again else before.unknown)
        restarts = before.restarts + again
        notes = log_notes(follower.malformed, unknown, restarts)
        told = any(not isinstance(entry.event, Progress) for entry in entries) or notes != before.notes
        if self._begun and not told and status is before.record.status and not before.gone:
            return False
        # The follower goes on changing its own.
        summary = copy.deepcopy(follower.history.summary)
        record = dataclasses.replace(record, summary=summary, status=status)
        self._known[place] = ComparedRun(record, tuple(follower.history.epochs), "", unknown, restarts, notes)
        return True
