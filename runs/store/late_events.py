"""Events that are written while no engine runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from runs.errors import NastuiError
from runs.home import RunPaths
from runs.log.event_log import EventLog, EventLogReader
from runs.log.events import Event
from runs.store.lock import engine_lock


def append_late(paths: RunPaths, events: Iterable[Event]) -> None:
    """Append events to a run's log under its lock; nothing if an engine runs, or if the log cannot be written."""
    with contextlib.suppress(NastuiError, OSError), engine_lock(paths.lock, patience=0):
        last = max((entry.number for entry in EventLogReader(paths.events).read()), default=0)
        with EventLog(paths.events, last) as log:
            for event in events:
                log.append(event)
