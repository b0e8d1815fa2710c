"""Whether a run is to stop before its last epoch. Its engine asks at the end of each epoch."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from runs.configuration import RunConfig
from runs.errors import NastuiError
from runs.fleet.sweep import Member, read_sweep
from runs.formatting import count
from runs.home import Home
from runs.log.event_log import EventLogReader
from runs.log.events import EpochEnded, Resumed, Stopped
from runs.log.indicators import COLLAPSED, collapsed
from runs.log.summary import HEADLINES
from runs.stop_rule import RuleKind, StopRule, stop_rule

# With fewer other runs, there is no median worth the name.
LEAST_SIBLINGS = 2
# Figures of runs that differ in these cannot be compared.
_DECISIVE = ("method", "space", "dataset")


def reason_to_stop(
    rule: StopRule, epochs: Sequence[EpochEnded], siblings: Sequence[Sequence[EpochEnded]] = ()
) -> str | None:
    """Return why a run is to stop after its last complete epoch; None if it goes on.

    Accuracy is the metric by which runs are ranked, its best value so far. NaN is worse than any number.

    Args:
        rule: the rule.
        epochs: every complete epoch of the run, in order.
        siblings: the same of the other runs of its sweep.
    """
    if not epochs:
        return None
    match rule.kind:
        case RuleKind.COLLAPSE:
            return "the search has collapsed into skip connections" if collapsed(epochs[-1]) else None
        case RuleKind.PLATEAU:
            return _plateau(epochs, rule.epochs)
        case RuleKind.BELOW_MEDIAN:
            return _below_median(epochs, siblings) if epochs[-1].epoch >= rule.epochs else None


def _plateau(epochs: Sequence[EpochEnded], patience: int) -> str | None:
    """Compare within a stage: the next stage of a search starts with another network."""
    metric = _headline(epochs)
    stage = [epoch for epoch in epochs if epoch.stage == epochs[-1].stage and metric in epoch.metrics]
    if len(stage) <= patience:
        return None
    best = max(stage, key=lambda epoch: _accuracy(epoch, metric))  # the first of equal ones
    if len(stage) - 1 - stage.index(best) < patience:
        return None
    found = f"{best.metrics[metric]:.2f} % after epoch {best.epoch}"
    return f"{metric} has not risen for {count(patience, 'epoch')}, the best is {found}"


def _below_median(epochs: Sequence[EpochEnded], siblings: Sequence[Sequence[EpochEnded]]) -> str | None:
    metric, now = _headline(epochs), epochs[-1].epoch
    reached = [sibling for sibling in siblings if sibling and sibling[-1].epoch >= now]
    others = [best for sibling in reached if (best := _best(sibling, metric, now)) is not None]
    own = _best(epochs, metric, now)
    if own is None or len(others) < LEAST_SIBLINGS:
        return None
    median = statistics.median(others)
    if own >= median:
        return None
    return f"{metric} {own:.2f} % is below the median {median:.2f} % of {len(others)} other runs after epoch {now}"


def _headline(epochs: Sequence[EpochEnded]) -> str:
    return next((name for name in HEADLINES if any(name in epoch.metrics for epoch in epochs)), HEADLINES[-1])


def _accuracy(epoch: EpochEnded, metric: str) -> float:
    value = epoch.metrics[metric]
    return -math.inf if math.isnan(value) else value


def _best(epochs: Sequence[EpochEnded], metric: str, until: int) -> float | None:
    """Return the best accuracy of the epochs up to one of them; None if none has it."""
    return max(
        (_accuracy(epoch, metric) for epoch in epochs if epoch.epoch <= until and metric in epoch.metrics), default=None
    )


class EarlyStopping:
    """Reads the log of a run, and those of its siblings, as far as its rule needs them.

    A run that was resumed after its rule had stopped it is not stopped again: somebody wants it to go on.

    Args:
        home: of the run.
        config: of the run.

    Raises:
        UsageError: the configuration was edited, and its rule is not one.
    """

    def __init__(self, home: Home, config: RunConfig) -> None:
        self.rule = stop_rule(config.stop_when)
        self._home, self._config = home, config
        self._own = _Course(home.run(config.id).events)
        self._siblings: dict[str, _Course] = {}

    def reason(self) -> str | None:
        """Return why the run is to stop now; None if it goes on."""
        self._own.update()
        if self._own.was_stopped:
            return None
        if self.rule.kind is RuleKind.BELOW_MEDIAN and self._own.epochs[-1:]:
            if self._own.epochs[-1].epoch < self.rule.epochs:
                return None  # the logs of the others need not be read yet
            for run in self._sibling_runs():
                self._siblings.setdefault(run, _Course(self._home.run(run).events)).update()
        return reason_to_stop(self.rule, self._own.epochs, [course.epochs for course in self._siblings.values()])

    def _sibling_runs(self) -> Iterator[str]:
        """Yield the other runs of the sweep whose figures can be compared; none if the sweep cannot be read."""
        try:
            members = read_sweep(self._home, self._config.sweep).members
        except NastuiError:
            return
        own = next((member for member in members if member.run == self._config.id), None)
        for member in members:
            if own and member is not own and _compared(member) == _compared(own):
                yield member.run


def _compared(member: Member) -> list[Any]:
    return [member.values.get(key) for key in _DECISIVE]


class _Course:
    """The epochs of a run, with what rules need of them, read from its log as it grows.

    Attributes:
        epochs: every complete epoch. If a resumed engine repeats an epoch, it replaces the earlier one.
        was_stopped: whether a rule has stopped the run.
    """

    def __init__(self, path: Path) -> None:
        self._reader = EventLogReader(path)
        self.epochs: list[EpochEnded] = []
        self.was_stopped = False

    def update(self) -> None:
        """Read what is new. A log that cannot be read has nothing new."""
        try:
            for entry in self._reader.read():
                match entry.event:
                    case EpochEnded(epoch=epoch):
                        self._forget_after(epoch - 1)
                        self.epochs.append(_bare(entry.event))
                    case Resumed(epoch=epoch):
                        self._forget_after(epoch)
                    case Stopped(rule=rule) if rule:
                        self.was_stopped = True
        except OSError:
            return

    def _forget_after(self, epoch: int) -> None:
        while self.epochs and self.epochs[-1].epoch > epoch:
            self.epochs.pop()


def _bare(event: EpochEnded) -> EpochEnded:
    """Return an epoch without its weights: the logs of a sweep may have gigabytes of them."""
    known = {COLLAPSED: event.extras[COLLAPSED]} if COLLAPSED in event.extras else {}
    return EpochEnded(event.epoch, event.epochs, event.stage, metrics=event.metrics, extras=known)
