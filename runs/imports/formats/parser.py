"""What the parsers of all logs share: they take a log's items in order, and say what they have found."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable
from typing import Any

from runs.errors import UsageError
from runs.genotypes.genotype import Genotype
from runs.imports.findings import MOST_EPOCHS, Findings, FoundEpoch, FoundWeights, Matrix
from runs.imports.formats import printed_genotypes
from runs.imports.log_text import Item, seconds_between

# The public names of data sets, where they differ.
_DATASETS = {"imagenet16": "imagenet16_120", "imagenet16_120": "imagenet16_120", "imagenet_1k": "imagenet"}


class LogParser:
    """Takes the items of a log in order. A parser of a format extends :meth:`line` and :meth:`matrix`.

    Attributes:
        found: what has been found so far.
        arguments: those of the public script.
    """

    method = ""

    def __init__(self) -> None:
        self.found = Findings(method=self.method, space="darts")
        self.arguments: dict[str, Any] = {}
        self._unread = 0
        self._began = self._last = ""  # time stamps: of the epoch in progress, and the newest

    def parse(self, items: Iterable[Item]) -> Findings:
        """Return what the items hold.

        Raises:
            UsageError: they have more epochs than any run.
        """
        for item in items:
            self._last = item.stamp or self._last
            if item.matrices is not None:
                for rows in item.matrices:
                    self.matrix(rows)
            else:
                self.line(item.text)
        self.end()
        if self._unread:
            self.found.remarks.append(f"{self._unread:,} lines are torn or damaged and were left out.")
        return self.found

    def line(self, text: str) -> None:
        """Take a line."""

    def matrix(self, rows: Matrix) -> None:
        """Take a printed matrix."""

    def end(self) -> None:
        """Complete the findings after the last item."""

    @property
    def epoch(self) -> FoundEpoch | None:
        """The newest epoch; None before the first."""
        return self.found.epochs[-1] if self.found.epochs else None

    def begin_epoch(self) -> FoundEpoch:
        """Begin the next epoch and return it.

        Raises:
            UsageError: there are more than any run has.
        """
        self.end_epoch()
        if len(self.found.epochs) >= MOST_EPOCHS:
            raise UsageError(f"The log has more than {MOST_EPOCHS:,} epochs.", "Is it a log of one run?")
        self.found.epochs.append(FoundEpoch(stage=max(0, len(self.found.stages) - 1)))
        self._began = self._last
        return self.found.epochs[-1]

    def end_epoch(self) -> None:
        """End the newest epoch: it took the time since its first line, unless the log says how long it took."""
        if self.epoch is not None and not self.epoch.seconds:
            self.epoch.seconds = seconds_between(self._began, self._last)

    def metric(self, name: str, text: str) -> None:
        """Note a metric of the newest epoch."""
        if self.epoch is not None and (value := self.number(text)) is not None:
            self.epoch.metrics[name] = value

    def number(self, text: str) -> float | None:
        """Return a number as printed; None, and counted, if it is torn or impossible."""
        with contextlib.suppress(ValueError):
            if not math.isfinite(value := float(text)) or abs(value) < 1e30:
                return value
        self._unread += 1
        return None

    def genotype_in(self, text: str) -> Genotype | None:
        """Return the genotype in a line; None if it has none, or a torn one, which is counted."""
        try:
            return printed_genotypes.find(text)
        except UsageError:
            self._unread += 1
            return None

    def set_arguments(self, arguments: dict[str, Any]) -> None:
        """Take the arguments of the script: seed and data set are found among them."""
        self.arguments |= arguments
        seed = next((self.arguments[name] for name in ("seed", "rand_seed") if name in self.arguments), None)
        if isinstance(seed, int) and not isinstance(seed, bool) and 0 <= seed < 2**63:
            self.found.seed = seed
        self.found.dataset = dataset_of(self.arguments)


def dataset_of(arguments: dict[str, Any]) -> str:
    """Return the data set that the arguments of a public script name or imply; empty if there are none."""
    if arguments.get("cifar100") in (True, "true", "True"):
        return "cifar100"
    named = next((arguments[name] for name in ("dataset", "set") if isinstance(arguments.get(name), str)), "")
    if named:
        plain = named.lower().replace("-", "_")
        return _DATASETS.get(plain, plain)
    if not arguments:
        return ""
    # Only the scripts for ImageNet have these.
    return "imagenet" if arguments.keys() & {"label_smooth", "begin"} else "cifar10"


def masked(weights: Matrix, alive: list[list[bool]]) -> Matrix:
    """Return weights with those that are not alive set to 0, each row scaled to a sum of 1."""
    rows = []
    for row, kept in zip(weights, alive, strict=True):
        values = [value if there else 0.0 for value, there in zip(row, kept, strict=True)]
        total = sum(values)
        rows.append([value / total for value in values] if total > 0 else values)
    return rows


def equal_weights(operations: tuple[str, ...], alive: list[list[bool]]) -> FoundWeights:
    """Return the weights with which candidates begin that nobody has weighed yet: all equal."""
    return FoundWeights(operations, masked([[1.0] * len(operations) for _ in alive], alive), alive)
