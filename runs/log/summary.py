"""A run in one small record: what lists, the index and ``runs show`` need. Folded from events, one at a time."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

from runs.log.events import (
    CheckpointWritten,
    Continued,
    Entry,
    EpochEnded,
    Failed,
    Finished,
    Paused,
    Progress,
    Resumed,
    StageStarted,
    Started,
    Stopped,
)

LOWER_IS_BETTER = ("loss", "error", "regret", "kappa", "coin_tosses", "dropped_draws")
# What a run is judged by: a network by its test accuracy, a search by that of its supernet.
HEADLINES = ("test_accuracy", "search_accuracy")


@dataclass
class Summary:
    """The state of a run as its events tell it.

    Attributes:
        said: the last lifecycle event; :func:`runs.store.status.derive` makes the status of it.
        epoch, epochs: complete epochs, and all.
        metrics, best: the newest and the best value of each metric; a loss is best when lowest.
        seconds: time at work, the sum over complete epochs.
        changed: the epoch at which the genotype last changed.
        problem, hint: of a failed run; of a lost one, what the end of its engine's output tells.
    """

    said: str = ""
    epoch: int = 0
    epochs: int = 0
    stage: int = 0
    stages: int = 1
    started: float | None = None
    ended: float | None = None
    touched: float | None = None
    seconds: float = 0.0
    metrics: dict[str, float] = field(default_factory=dict)
    best: dict[str, float] = field(default_factory=dict)
    genotype: dict[str, Any] | None = None
    changed: int = 0
    benchmark: dict[str, dict[str, float]] = field(default_factory=dict)
    parameters: int | None = None
    macs: int | None = None
    network: str = ""
    checkpoint_epoch: int | None = None
    problem: str = ""
    hint: str = ""
    eta: float | None = None

    @property
    def headline(self) -> str:
        """The metric that the run is judged by."""
        return next((name for name in HEADLINES if name in self.best), HEADLINES[-1])

    @property
    def accuracy(self) -> float | None:
        """The newest value of the headline metric, in percent."""
        return self.metrics.get(self.headline)

    @property
    def best_accuracy(self) -> float | None:
        """The best value of the headline metric, in percent."""
        best = self.best
        for name in HEADLINES:  # not by the name: ten thousand runs are sorted by this while a key waits
            if name in best:
                return best[name]
        return None

    @property
    def benchmark_accuracy(self) -> float | None:
        """The test accuracy that a table gives the genotype, in percent: its first data set, its longest training."""
        for splits in self.benchmark.values():
            for split, accuracy in reversed(splits.items()):
                if split.startswith("test"):
                    return accuracy
        return None

    @property
    def stood(self) -> int:
        """Epochs since the genotype last changed; epochs that a resumed run does again count once."""
        return max(0, self.epoch - self.changed)

    def apply(self, entry: Entry) -> None:
        """Apply the next event of the log."""
        self.touched = entry.time
        match entry.event:
            case Started():
                self.said = "started"
                self.started = self.started or entry.time
                self.ended, self.problem, self.hint = None, "", ""
            case Resumed(epoch=epoch):
                self.epoch = epoch
            case StageStarted(index=index, of=of):
                self.stage, self.stages = index, of
            case Progress(epochs=epochs, eta=eta):
                self.epochs, self.eta = epochs, eta
            case EpochEnded():
                self._apply_epoch(entry.event)
            case CheckpointWritten(epoch=epoch):
                self.checkpoint_epoch = epoch
            case Paused() | Stopped():
                self.said = entry.event.type
                self.ended = entry.time if entry.event.type == "stopped" else None
            case Continued():
                self.said = "started"
            case Finished(genotype=genotype, parameters=parameters, macs=macs, network=network):
                self.said, self.ended, self.eta = "finished", entry.time, None
                self.genotype = genotype or self.genotype
                self.parameters, self.macs, self.network = parameters, macs, network
            case Failed(error=error, hint=hint):
                self.said, self.ended = "failed", entry.time
                self.problem, self.hint = error, hint

    def _apply_epoch(self, event: EpochEnded) -> None:
        self.epoch, self.epochs = event.epoch, event.epochs
        self.seconds += event.seconds
        self.metrics = dict(event.metrics)
        for name, value in event.metrics.items():
            if math.isnan(value):
                continue  # no comparison with it holds, so the first would stay the best for ever
            better = min if any(word in name for word in LOWER_IS_BETTER) else max
            self.best[name] = better(self.best.get(name, value), value)
        if event.genotype != self.genotype:
            self.genotype, self.changed = event.genotype, event.epoch
        self.benchmark = event.benchmark

    def to_json(self) -> dict[str, Any]:
        """Return the form that the index keeps."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Summary:
        """Read the index's form; TypeError where it is from a newer or broken index."""
        return cls(**raw)
