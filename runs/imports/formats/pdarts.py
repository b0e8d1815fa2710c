"""The logs of chenxin061/pdarts.

A search has three stages, each with epochs from 0. No weights are printed, but after each stage the operations that are
left, ``switches_normal = [[True, …], …]``. At the end there is the cell, and one for each smaller number of skips.
"""

from __future__ import annotations

import re

from runs.genotypes import darts
from runs.genotypes.cell_networks import NORMAL, REDUCE
from runs.genotypes.genotype import Genotype
from runs.imports.findings import FoundEpoch
from runs.imports.formats.darts import EDGES, DartsLog
from runs.imports.formats.parser import equal_weights
from runs.imports.printed_matrices import MatrixReader

_SWITCHES = re.compile(r"switches_(normal|reduce) = (\[\[.*\]\])\s*$")
_SKIPS = re.compile(r"Number of skip-connect: (\d)")
# The number of skips in the paper's cells.
_PAPER_SKIPS = 2
_MOST_SKIPS = 8


class PDartsLog(DartsLog):
    """Logs of P-DARTS: three stages, and the operations that each leaves."""

    method = "pdarts"

    def __init__(self) -> None:
        super().__init__()
        self._skips: int | None = None
        self._cells_by_skips: dict[int | None, Genotype] = {}
        self._stage_is_over = True

    def begin_epoch(self) -> FoundEpoch:
        """Begin the next epoch, and with it the next stage if one is over."""
        if self._stage_is_over and not self.found.is_training:
            self.found.stages.append(f"stage {len(self.found.stages) + 1}")
        self._stage_is_over = False
        return super().begin_epoch()

    def line(self, text: str) -> None:
        """Take a line."""
        if found := _SWITCHES.match(text):
            self._survivors({"normal": NORMAL, "reduce": REDUCE}[found[1]], found[2])
        elif found := _SKIPS.match(text):
            self._skips = int(found[1])
        else:
            super().line(text)

    def genotype(self, genotype: Genotype) -> None:
        """Take a printed cell: of a retraining, or one of those of the end of a search."""
        if self.found.is_training or self.epoch is None:
            super().genotype(genotype)
        else:
            self._cells_by_skips[self._skips] = genotype

    def end(self) -> None:
        """Choose the paper's among the cells with different numbers of skips."""
        cells = self._cells_by_skips
        if cells and self.found.epochs:
            first = next(iter(cells.values()))
            self.found.epochs[-1].genotype = cells.get(_PAPER_SKIPS, first)
            limits = [limit for limit in cells if limit is not None]
            # The first cell has no limit: it is that of all limits above those with cells of their own.
            for limit in range(_MOST_SKIPS + 1):
                if limit in cells or limit > max(limits, default=_MOST_SKIPS):
                    self.found.variants[f"skips_{limit}"] = cells.get(limit, first)
            if limits:
                self.found.remarks.append(
                    f"The log has {len(cells)} cells, for different limits of skip connections: that with at most "
                    f"{_PAPER_SKIPS} is taken, and the others are RUN:skips_0 to RUN:skips_{_MOST_SKIPS}."
                )
        super().end()

    def planned(self) -> int:
        """Return how many epochs all stages have."""
        return super().planned() * (1 if self.found.is_training else 3)

    def _survivors(self, kind: str, text: str) -> None:
        self._stage_is_over = True
        operations = darts.TOPOLOGY.operations
        for rows in MatrixReader(text).rows():
            if len(rows) == EDGES and len(rows[0]) == len(operations) and self.epoch is not None:
                alive = [[bool(value) for value in row] for row in rows]
                self.epoch.weights[kind] = equal_weights(operations, alive)
