"""Reading the curves of a sweep's runs, incrementally."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence

from runs.log.event_log import EventLogReader
from runs.log.events import EpochEnded
from runs.log.summary import HEADLINES
from runs.store.compare import headline
from runs.store.record import Record
from screens.models.sweep import MemberCurves
from screens.views.sweep import aggregated

MOST_RUNS = 200
"""Of larger sweeps the first runs are read: they are those with the first seeds of all combinations."""


class CurveReader:
    """Keeps the headline metrics of runs by epoch. Every call reads files: make it in a thread."""

    def __init__(self) -> None:
        self._logs: dict[str, EventLogReader] = {}
        self._read_to: dict[str, int] = {}
        self._values: dict[str, dict[int, dict[str, float]]] = {}

    def update(self, records: Sequence[Record]) -> MemberCurves:
        """Return the curves of runs as they are now; only what is new in their logs is read."""
        metric = headline(records)
        for record in records[:MOST_RUNS]:
            if self._read_to.get(record.id) != record.offset:
                self._read_to[record.id] = record.offset
                with contextlib.suppress(OSError):  # the run is being removed
                    self._read(record)
        points = {}
        for record in records[:MOST_RUNS]:
            values = self._values.get(record.id, {})
            curve = [(epoch, found[metric]) for epoch, found in sorted(values.items()) if metric in found]
            points[record.id] = tuple((float(epoch), value) for epoch, value in curve if math.isfinite(value))
        return aggregated(points, metric, max(0, len(records) - MOST_RUNS))

    def _read(self, record: Record) -> None:
        reader = self._logs.setdefault(record.id, EventLogReader(record.paths.events))
        values = self._values.setdefault(record.id, {})
        for entry in reader.read():
            if isinstance(entry.event, EpochEnded):
                # A resumed run repeats epochs, with the same numbers.
                metrics = entry.event.metrics
                values[entry.event.epoch] = {name: metrics[name] for name in HEADLINES if name in metrics}
