"""The logs of VITA-Group/TENAS: after each round of pruning, which operations remain; at the end, the cell.

Nothing is trained, so there are no accuracies. The columns of its DARTS space are in an order of its own, which the log
names.
"""

from __future__ import annotations

import re

from runs.genotypes import darts, nasbench201
from runs.imports import printed_arguments
from runs.imports.findings import Matrix
from runs.imports.formats.parser import LogParser, equal_weights
from runs.imports.literals import literal

OPERATIONS = {
    6: nasbench201.TOPOLOGY.operations,
    14: (
        *("none", "skip_connect", "sep_conv_3x3", "sep_conv_5x5"),
        *("dil_conv_3x3", "dil_conv_5x5", "avg_pool_3x3", "max_pool_3x3"),
    ),
}
_REMAINING = re.compile(r"operators remaining")
_SPACE = re.compile(r"search-space \[\d+ ops\] : (\[.*\])\s*$")
_END = re.compile(r"<<<--->>> End: (.*)")
_SECONDS = re.compile(r"Time spent: (\d+) s")


class TeNasLog(LogParser):
    """Logs of TE-NAS. An epoch is a round of pruning, the last in the DARTS space that of the edges."""

    method = "tenas"

    def __init__(self) -> None:
        super().__init__()
        self._order: tuple[str, ...] | None = None
        self._masks: list[Matrix] | None = None  # of the newest state, until it is complete
        self._is_over = False

    def line(self, text: str) -> None:
        """Take a line."""
        self._end_state()
        if (argument := printed_arguments.listed(text)) is not None and not self.found.epochs:
            self.set_arguments({argument[0]: argument[1]})
        elif found := _SPACE.match(text):
            self._order = _words(found[1])
        elif _REMAINING.match(text):
            self._masks = []
        elif found := _END.match(text):
            self._is_over = True
            self.found.genotype = self.genotype_in(found[1])
        elif found := _SECONDS.match(text):
            for epoch in self.found.epochs:
                epoch.seconds = float(found[1][:9]) / len(self.found.epochs)

    def matrix(self, rows: Matrix) -> None:
        """Take the mask of a cell."""
        if self._masks is not None and len(rows) in OPERATIONS:
            self._masks.append(rows)

    def end(self) -> None:
        """Give the last round the cell that is printed at the end."""
        self._end_state()
        if self.found.epochs:
            self.found.epochs[-1].genotype = self.found.genotype
        self.found.planned = len(self.found.epochs)

    def _end_state(self) -> None:
        """Note the state whose masks have been printed: one round, unless the end only repeats the last."""
        masks, self._masks = self._masks, None
        if not masks:
            return
        if len(masks[0]) == len(nasbench201.TOPOLOGY.edges):
            self.found.space, kinds = "nasbench201", nasbench201.TOPOLOGY.cells
        else:
            kinds = darts.TOPOLOGY.cells
        weights = {}
        for kind, rows in zip(kinds, masks, strict=False):
            operations = self._order or OPERATIONS[len(rows)]
            if len(operations) == len(rows[0]):
                weights[kind] = equal_weights(operations, [[bool(value) for value in row] for row in rows])
        if not self._is_over or self.epoch is None or weights != self.epoch.weights:
            self.begin_epoch().weights = weights


def _words(text: str) -> tuple[str, ...] | None:
    try:
        words = literal(text)
    except ValueError:
        return None
    is_order = isinstance(words, list) and sorted(map(str, words)) in [sorted(of) for of in OPERATIONS.values()]
    return tuple(words) if is_order else None
