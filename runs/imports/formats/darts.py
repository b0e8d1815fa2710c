"""The logs of quark0/darts and of the repositories that kept its scripts: PC-DARTS, and retraining in general.

A search prints, before each epoch, ``epoch 3 lr 2.4e-02``, ``genotype = Genotype(…)`` and perhaps the softmax of the
alphas: they are those after the epochs before it. Then ``train_acc`` and ``valid_acc`` follow.
"""

from __future__ import annotations

import re

from runs.catalogue import library
from runs.genotypes import darts
from runs.genotypes.cell_networks import NORMAL, REDUCE
from runs.genotypes.genotype import Genotype
from runs.imports import printed_arguments
from runs.imports.findings import FoundEpoch, FoundWeights, Matrix
from runs.imports.formats.parser import LogParser

_NUMBER = r"(-?[0-9.]+(?:e[-+]?[0-9]+)?|nan|inf)"
_EPOCH = re.compile(rf"[eE]poch:? +(\d+) lr:? +{_NUMBER}")
_ACCURACY = re.compile(rf"([tT]rain|[vV]alid)_acc(?:_(top[15]))?:? {_NUMBER}")
_STEP = re.compile(rf"(train|valid|test) \d+ {_NUMBER} {_NUMBER} {_NUMBER}")
_LONG_STEP = re.compile(rf"(TRAIN|Train|Valid|Test) Step: \d+ Objs: {_NUMBER} (?:R1|Acc): {_NUMBER}")
_SECONDS = re.compile(r"Epoch time: (\d+)s")
EDGES = len(darts.TOPOLOGY.edges)
WITHOUT_NONE = darts.TOPOLOGY.operations[1:]


class DartsLog(LogParser):
    """Logs of DARTS, and what its descendants have in common with them."""

    method = "darts"

    def __init__(self) -> None:
        super().__init__()
        self._initial = FoundEpoch()  # the state before the first epoch, which is not shown
        self._cells: list[FoundWeights] = []  # of the newest state
        self._heading = False  # whether the state that is printed is that before the epoch

    def line(self, text: str) -> None:
        """Take a line."""
        if (arguments := printed_arguments.namespace(text)) is not None:
            if self.found.epochs:
                vars(self).update(vars(type(self)()))  # another run begins in the same file
                self.found.remarks.append("The log holds several runs: the last is taken.")
            self.set_arguments(arguments)
            self.found.is_training = bool({"auxiliary", "arch"} & arguments.keys())
            if self.found.is_training and self.found.genotype is None:
                self.found.genotype = _of_library(str(arguments.get("arch", "")))
        elif found := _EPOCH.match(text):
            epoch = self.begin_epoch()
            self._heading, self._cells = True, []
            if (rate := self.number(found[2])) is not None:
                epoch.learning_rates["weights"] = rate
        elif found := _ACCURACY.match(text):
            self._heading = False
            self.metric(self._metric(found[1], f"{found[2]}_accuracy" if found[2] == "top5" else "accuracy"), found[3])
        elif found := _STEP.match(text) or _LONG_STEP.match(text):
            self._heading = False
            self.metric(self._metric(found[1], "loss"), found[2])
        elif (found := _SECONDS.match(text)) and self.epoch is not None:
            self.epoch.seconds = float(found[1][:9])
        elif (genotype := self.genotype_in(text)) is not None:
            self.genotype(genotype)

    def genotype(self, genotype: Genotype) -> None:
        """Take a printed genotype."""
        self.found.space = self.found.space if genotype.space == "darts" else genotype.space
        if self.found.is_training or self.epoch is None:
            self.found.genotype = genotype
        else:
            self._cells = []
            self.state.genotype = genotype

    def matrix(self, rows: Matrix) -> None:
        """Take a matrix of the state: first that of the normal cell, then that of the reduction cell."""
        operations = {len(of): of for of in (darts.TOPOLOGY.operations, WITHOUT_NONE)}.get(len(rows[0]))
        if len(rows) != EDGES or operations is None or len(self._cells) >= 2:
            return
        self._cells.append(FoundWeights(operations, rows))
        self.state.weights[(NORMAL, REDUCE)[len(self._cells) - 1]] = self._cells[-1]

    @property
    def state(self) -> FoundEpoch:
        """The epoch whose state is printed: the one before, until the newest has begun to train."""
        epochs = self.found.epochs
        if not self._heading:
            return epochs[-1] if epochs else self._initial
        return epochs[-2] if len(epochs) > 1 else self._initial

    def end(self) -> None:
        """Give the last epochs the last state if the log ends before the next was printed."""
        self.end_epoch()
        self.drop_unfinished()
        epochs = self.found.epochs
        self.found.planned = self.planned()
        if self.found.is_training:
            for epoch in epochs:
                epoch.genotype = self.found.genotype
            return
        self._complete_last_state()
        if self.found.genotype is None and epochs:
            self.found.genotype = epochs[-1].genotype

    def _complete_last_state(self) -> None:
        """Give the last epoch the newest genotype and weights that the log prints."""
        epochs = self.found.epochs
        states = [self._initial, *epochs]
        for what in ("genotype", "weights"):
            known = max((number for number, state in enumerate(states) if getattr(state, what)), default=len(epochs))
            if known < len(epochs):
                setattr(epochs[-1], what, getattr(states[known], what))
                self.found.remarks.append(
                    f"The log prints no {what} after epoch {len(epochs)}: what it prints after epoch {known} is shown."
                )

    def drop_unfinished(self) -> None:
        """Leave out an epoch during which the log ends."""
        epochs = self.found.epochs
        if len(epochs) > 1 and "train_accuracy" not in epochs[-1].metrics and "train_accuracy" in epochs[-2].metrics:
            self.found.remarks.append(f"The log ends within epoch {len(epochs)}, which was left out.")
            epochs.pop()

    def planned(self) -> int:
        """Return how many epochs the run would have had."""
        epochs = self.arguments.get("epochs")
        return epochs if isinstance(epochs, int) and not isinstance(epochs, bool) else 0

    def _metric(self, part: str, name: str) -> str:
        if part.lower() == "train":
            return f"train_{name}"
        return f"test_{name}" if self.found.is_training else f"search_{name}"


class PcDartsLog(DartsLog):
    """Logs of PC-DARTS. Those of its main script have no weights."""

    method = "pcdarts"


def _of_library(name: str) -> Genotype | None:
    known = library.lookup(name) if name else None
    return known.genotype if known is not None else None
