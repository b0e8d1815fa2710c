"""The summary of a run, folded from its events: what lists, the index and ``runs show`` need."""

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
# The metrics by which runs are ranked: a network's test accuracy, the validation accuracy of a search's supernet.
HEADLINES = ("test_accuracy", "search_accuracy")


def reported_label(splits: dict[str, float]) -> str:
    """Return the label, in a data set of ``benchmark``, of the accuracy that papers report; empty if there is none."""
    return next((label for label in reversed(splits) if label.startswith("test")), "")


@dataclass
class Summary:
    """The state of a run according to its events.

    Attributes:
        lifecycle: the type of the last lifecycle event, from which :func:`runs.store.status.derive` derives the status.
        epoch, epochs: the number of complete epochs, and of all.
        metrics, best: the newest and the best value of each metric; the best loss is the lowest.
        seconds: working time, summed over complete epochs.
        changed: the epoch at which the genotype last changed.
        benchmark, benchmark_rank, benchmark_size: as in the last epoch's event.
        problem, hint: why a run failed, and what to do; for a lost run, the cause found in its engine's output.
        stop_rule, stop_reason: the rule that stopped the run early, and what it has found.
    """

    lifecycle: str = ""
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
    benchmark_rank: dict[str, dict[str, int]] = field(default_factory=dict)
    benchmark_size: int = 0
    parameters: int | None = None
    macs: int | None = None
    network: str = ""
    checkpoint_epoch: int | None = None
    problem: str = ""
    hint: str = ""
    stop_rule: str = ""
    stop_reason: str = ""
    eta: float | None = None

    @property
    def headline(self) -> str:
        """The metric by which the run is ranked."""
        return next((name for name in HEADLINES if name in self.best), HEADLINES[-1])

    @property
    def accuracy(self) -> float | None:
        """The newest value of the headline metric, in percent."""
        return self.metrics.get(self.headline)

    @property
    def best_accuracy(self) -> float | None:
        """The best value of the headline metric, in percent."""
        best = self.best
        for name in HEADLINES:  # not through `headline`: a key press may sort ten thousand runs by this
            if name in best:
                return best[name]
        return None

    def judged_on(self, own: str) -> tuple[str, str] | None:
        """Return the data set and the label whose accuracy in a table stands for the genotype; None without a table.

        It is the longest schedule on the run's own data set, or else on the first that the table has.

        Args:
            own: the name of that data set.
        """
        for dataset in (own, *self.benchmark):
            if label := reported_label(self.benchmark.get(dataset, {})):
                return dataset, label
        return None

    @property
    def early_stop(self) -> str:
        """The rule that stopped the run early and what it has found, in words; empty if none has."""
        return f"{self.stop_rule}: {self.stop_reason}" if self.stop_rule else ""

    @property
    def stood(self) -> int:
        """The number of epochs since the genotype last changed. Epochs that a resumed run repeats count once."""
        return max(0, self.epoch - self.changed)

    def apply(self, entry: Entry) -> None:
        """Apply the next event of the log."""
        self.touched = entry.time
        match entry.event:
            case Started():
                self.lifecycle = "started"
                self.started = self.started or entry.time
                self.ended, self.problem, self.hint = None, "", ""
                self.stop_rule = self.stop_reason = ""
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
            case Paused():
                self.lifecycle, self.ended = "paused", None
            case Stopped(reason=reason, rule=rule):
                self.lifecycle, self.ended = "stopped", entry.time
                self.stop_rule, self.stop_reason = rule, reason if rule else ""
            case Continued():
                self.lifecycle = "started"
            case Finished(genotype=genotype, parameters=parameters, macs=macs, network=network):
                self.lifecycle, self.ended, self.eta = "finished", entry.time, None
                self.genotype = genotype or self.genotype
                self.parameters, self.macs, self.network = parameters, macs, network
            case Failed(error=error, hint=hint):
                self.lifecycle, self.ended = "failed", entry.time
                self.problem, self.hint = error, hint

    def _apply_epoch(self, event: EpochEnded) -> None:
        self.epoch, self.epochs = event.epoch, event.epochs
        self.seconds += event.seconds
        self.metrics = dict(event.metrics)
        for name, value in event.metrics.items():
            if math.isnan(value):
                continue  # comparisons with NaN are false, so it would remain the best for ever
            better = min if any(word in name for word in LOWER_IS_BETTER) else max
            self.best[name] = better(self.best.get(name, value), value)
        if event.genotype != self.genotype:
            self.genotype, self.changed = event.genotype, event.epoch
        self.benchmark, self.benchmark_rank = event.benchmark, event.benchmark_rank
        self.benchmark_size = event.benchmark_size

    def to_json(self) -> dict[str, Any]:
        """Return the form that the index stores."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Summary:
        """Read the form that the index stores.

        Raises:
            TypeError: the index is of another version, or damaged.
        """
        return cls(**raw)
