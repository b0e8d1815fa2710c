"""The logs of xiangning-chen/DrNAS, in the DARTS space and on NAS-Bench-201.

The state before each epoch, and after the last, is printed with titles: ``alphas normal :`` is the softmax of the
alphas over the operations that are left, ``concentration normal:`` is elu(alpha) + 1 of all. On NAS-Bench-201 there is
one cell, ``arch-parameters :``, and each epoch has the table's accuracies of its genotype.
"""

from __future__ import annotations

import re

from runs.benchmarks.table import Column
from runs.genotypes import darts, nasbench201
from runs.genotypes.cell_networks import NORMAL, REDUCE
from runs.imports.findings import FoundWeights, Matrix
from runs.imports.formats.darts import WITHOUT_NONE, DartsLog
from runs.imports.formats.parser import masked

_TITLE = re.compile(r"(alphas|concentration|arch-parameters) ?(normal|reduce)? ?:\s*$")
_PRUNED = re.compile(r"pruning finish, (\d+) ops left per edge")
_TABLE = re.compile(r"(cifar10|cifar100|imagenet16) train [0-9.]+(?: valid ([0-9.]+))? test ([0-9.]+)\s*$")
# Of the trainings in the table.
_EPOCHS = 200
_TABLES = {"imagenet16": "imagenet16_120"}
# By the number of rows and columns.
_OPERATIONS = {
    (14, 7): WITHOUT_NONE,
    (14, 8): darts.TOPOLOGY.operations,
    (6, 5): nasbench201.TOPOLOGY.operations,
}


class DrNasLog(DartsLog):
    """Logs of DrNAS."""

    method = "drnas"

    def __init__(self) -> None:
        super().__init__()
        self._title: tuple[str, str] | None = None
        self._is_pruned = False

    def line(self, text: str) -> None:
        """Take a line."""
        if found := _TITLE.match(text):
            self._title = (found[1], found[2] or nasbench201.CELL)
        elif found := _PRUNED.match(text):
            self._is_pruned = True
            self.found.stages = self.found.stages or ["all operations"]
            self.found.stages.append(f"{found[1]} operations")
        elif (found := _TABLE.match(text)) and self.epoch is not None:
            dataset = _TABLES.get(found[1], found[1])
            for split, printed in (("valid", found[2]), ("test", found[3])):
                if printed and (value := self.number(printed)) is not None:
                    self.epoch.benchmark.setdefault(dataset, {})[Column(dataset, split, _EPOCHS).label] = value
        else:
            super().line(text)

    def matrix(self, rows: Matrix) -> None:
        """Take the matrix that belongs to the last title."""
        operations = _OPERATIONS.get((len(rows), len(rows[0])))
        if self._title is None or operations is None:
            return
        (what, kind), self._title = self._title, None
        if kind not in ((NORMAL, REDUCE) if len(rows) == len(darts.TOPOLOGY.edges) else (nasbench201.CELL,)):
            return
        if what != "concentration":
            # A masked softmax is exactly 0 where an operation has been pruned.
            alive = [[value > 0 or not self._is_pruned for value in row] for row in rows]
            self.state.weights[kind] = FoundWeights(operations, rows, alive)
        elif kind in self.state.weights:
            _concentrate(self.state.weights[kind], rows)

    def end(self) -> None:
        """Leave out a stage without epochs, which the scripts announce after the last."""
        super().end()
        if self.found.stages:
            del self.found.stages[1 + max((epoch.stage for epoch in self.found.epochs), default=0) :]


def _concentrate(weights: FoundWeights, rows: Matrix) -> None:
    """Show the mean of the Dirichlet distribution in place of the softmax, as searches of nastui do."""
    alive = weights.alive or [[True] * len(row) for row in rows]
    if [len(row) for row in rows] == [len(row) for row in alive]:
        weights.weights = masked(rows, alive)
        weights.extras["concentration"] = [
            [value if there else 0.0 for value, there in zip(row, kept, strict=True)]
            for row, kept in zip(rows, alive, strict=True)
        ]
