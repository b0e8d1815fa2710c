"""The logs of D-X-Y/AutoDL-Projects: searches on NAS-Bench-201 with shared weights.

After each epoch there are its losses and accuracies, the cell, and the softmax of the alphas if the method has them.
"""

from __future__ import annotations

import re

from runs.genotypes import nasbench201
from runs.imports import printed_arguments
from runs.imports.findings import FoundWeights, Matrix
from runs.imports.formats.parser import LogParser

_NUMBER = r"(-?[0-9.]+(?:e[-+]?[0-9]+)?|nan|inf)"
_EPOCH = re.compile(rf"\[Search the (\d+)-(\d+)-th epoch\].*LR={_NUMBER}")
_RESULT = re.compile(
    rf"\[\d+-\d+\] (searching|search \[base\]|search \[arch\]|evaluate) *: loss={_NUMBER}, accuracy@1={_NUMBER}%"
)
_COST = re.compile(r".*time-cost=([0-9.]+) s")
_CELL = re.compile(r"<<<--->>> The (\d+)-(\d+)-th epoch : (.*)")
_LAST = re.compile(r"(?:Last : the gentotype is : |\[[\w-]+\] run \d+ epochs, )(.*)")
_WEIGHTS = re.compile(r"arch-parameters :")
_PARTS = {"searching": "train", "search [base]": "train", "search [arch]": "architecture", "evaluate": "search"}
_METHODS = {
    "darts-v1": "darts",
    "darts-v2": "darts",
    "gdas": "gdas",
    "enas": "enas",
    "random": "rsws",
}


class NasBench201Log(LogParser):
    """Logs of searches in AutoDL-Projects."""

    method = "nasbench201"

    def __init__(self) -> None:
        super().__init__()
        self.found.space = "nasbench201"
        self._has_title = False
        self._cost = 0.0  # seconds of all epochs so far

    def line(self, text: str) -> None:
        """Take a line."""
        if found := _EPOCH.match(text):
            epoch = self.begin_epoch()
            self.found.planned = int(found[2][:6])
            if (rate := self.number(found[3])) is not None:
                epoch.learning_rates["weights"] = rate
        elif (found := _RESULT.match(text)) and self.epoch is not None:
            self.metric(f"{_PARTS[found[1]]}_loss", found[2])
            self.metric(f"{_PARTS[found[1]]}_accuracy", found[3])
            if (cost := _COST.match(text)) and (seconds := self.number(cost[1])) is not None:
                self.epoch.seconds, self._cost = max(0.0, seconds - self._cost), seconds
        elif found := _CELL.match(text):
            genotype = self.genotype_in(found[3])
            if self.epoch is not None and genotype is not None:
                self.epoch.genotype = self.found.genotype = genotype
        elif found := _LAST.match(text):
            self.found.genotype = self.genotype_in(found[1]) or self.found.genotype
        elif _WEIGHTS.match(text):
            self._has_title = True
        elif not self.found.epochs and (argument := printed_arguments.listed(text)) is not None:
            self.set_arguments({argument[0]: argument[1]})

    def matrix(self, rows: Matrix) -> None:
        """Take the weights after an epoch."""
        topology = nasbench201.TOPOLOGY
        has_title, self._has_title = self._has_title, False
        is_cell = len(rows) == len(topology.edges) and len(rows[0]) == len(topology.operations)
        if has_title and is_cell and self.epoch is not None:
            self.epoch.weights[nasbench201.CELL] = FoundWeights(topology.operations, rows)

    def end(self) -> None:
        """Name the method, if the log says which it was."""
        self.end_epoch()
        named = str(self.arguments.get("algo", "")).lower()
        self.found.method = _METHODS.get(named, self.method)
