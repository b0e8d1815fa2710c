"""The whole history of a run, folded from its log, for the Run screen and comparisons."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from dataclasses import dataclass, field

from runs.home import RunPaths
from runs.log.compact_history import HistoryCompactor
from runs.log.event_log import EventLogReader
from runs.log.events import Entry, EpochEnded, Interim, Progress, Resumed, StageStarted, Started, Warned
from runs.log.summary import Summary


@dataclass
class History:
    """The epochs of a run in order. If a resumed engine repeats an epoch, it replaces the earlier one.

    Attributes:
        epochs: every complete epoch.
        progress: the state of the epoch in progress, or None.
        interim: the method's own data about the epoch in progress, or None.
        stages: the stages so far, each with the number of epochs complete when it began.
        warnings: with their times.
        environment: versions, device and threads of the newest engine.
        summary: the same events in one small record.
    """

    epochs: list[EpochEnded] = field(default_factory=list)
    progress: Progress | None = None
    interim: Interim | None = None
    stages: list[tuple[int, StageStarted]] = field(default_factory=list)
    warnings: list[tuple[float, Warned]] = field(default_factory=list)
    environment: dict[str, object] = field(default_factory=dict)
    summary: Summary = field(default_factory=Summary)

    def apply(self, entry: Entry) -> None:
        """Apply the next event of the log."""
        self.summary.apply(entry)
        match entry.event:
            case Started(environment=environment):
                self.environment = environment
            case Resumed(epoch=epoch):
                self.epochs = [done for done in self.epochs if done.epoch <= epoch]
                self.stages = [stage for stage in self.stages if stage[0] < epoch or stage[0] == 0]
                self.progress = self.interim = None
            case Interim():
                self.interim = entry.event
            case Progress():
                self.progress = entry.event
            case StageStarted():
                self.stages.append((self.summary.epoch, entry.event))
            case EpochEnded(epoch=epoch):
                while self.epochs and self.epochs[-1].epoch >= epoch:
                    self.epochs.pop()
                self.epochs.append(entry.event)
                self.interim = None
            case Warned():
                self.warnings.append((entry.time, entry.event))


@dataclass
class Follower:
    """A history that follows its log: :meth:`update` reads new events, and may be called at any time."""

    paths: RunPaths
    history: History = field(default_factory=History)

    def __post_init__(self) -> None:
        self._reader = EventLogReader(self.paths.events)
        self._compactor = HistoryCompactor()

    @property
    def malformed(self) -> int:
        """The number of lines of the log that were not events."""
        return self._reader.malformed

    def update(self) -> list[Entry]:
        """Read new events since the last call, apply them and return them."""
        with without_collection():
            entries = [self._compacted(entry) for entry in self._reader.read()]
        if self._reader.restarted:
            self.history = History()
        for entry in entries:
            self.history.apply(entry)
        return entries

    def _compacted(self, entry: Entry) -> Entry:
        event = entry.event
        return (
            Entry(entry.time, entry.number, self._compactor.compact(event)) if isinstance(event, EpochEnded) else entry
        )


@contextlib.contextmanager
def without_collection() -> Iterator[None]:
    """Disable the garbage collector: events have no reference cycles, and it would slow the reading of a long log."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def load(paths: RunPaths) -> History:
    """Read the whole history of a run."""
    follower = Follower(paths)
    follower.update()
    return follower.history
