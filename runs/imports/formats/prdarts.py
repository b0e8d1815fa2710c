"""The logs of cogsys-tuebingen/prdarts.

A search has a stage for each entry of ``epochs``, and epochs count from 0 in each. No weights are printed. Before each
stage and at the end there is the pool of every edge, ``normal, 0: [('conv', {'k': 3, …}), …]``.
"""

from __future__ import annotations

import re
from typing import Any

from runs.errors import UsageError
from runs.genotypes import morphable
from runs.genotypes.cell_networks import NORMAL, REDUCE
from runs.genotypes.genotype import Genotype
from runs.imports.findings import FoundEpoch
from runs.imports.formats.darts import EDGES, DartsLog
from runs.imports.formats.parser import equal_weights
from runs.imports.literals import literal

_POOL = re.compile(r"(normal|reduce), (\d+): (\[.*\])\s*$")
_BATCH = re.compile(r"Set new batch size from \d+ to (\d+)")
_KINDS = {"normal": NORMAL, "reduce": REDUCE}


class PrDartsLog(DartsLog):
    """Logs of PR-DARTS: stages, and the pools with which each begins."""

    method = "prdarts"

    def __init__(self) -> None:
        super().__init__()
        self.found.space = "prdarts"
        self._pools: dict[str, list[list[str]]] = {}
        self._batch: int | None = None

    def begin_epoch(self) -> FoundEpoch:
        """Begin the next epoch, and a stage if pools have been printed since the last."""
        if self._pools and not self.found.is_training:
            self.found.stages.append(f"stage {len(self.found.stages) + 1}")
        self._pools = {}
        return super().begin_epoch()

    def line(self, text: str) -> None:
        """Take a line."""
        if found := _POOL.match(text):
            self._pool(_KINDS[found[1]], int(found[2][:3]), found[3])
        elif (found := _BATCH.match(text)) and self.epoch is not None:
            self._batch = int(found[1][:6])
            self.epoch.extras["batch_size"] = self._batch
        else:
            super().line(text)

    def genotype(self, genotype: Genotype) -> None:
        """Take the cell at the end of a search, or that of a retraining at its beginning."""
        super().genotype(genotype)
        self.found.genotype = genotype

    def end(self) -> None:
        """Complete the findings: a network belongs to the DARTS space."""
        super().end()
        if self.found.is_training:
            self.found.space = "darts"

    def planned(self) -> int:
        """Return how many epochs all stages have."""
        epochs = self.arguments.get("epochs")
        if isinstance(epochs, list):
            return sum(number for number in epochs if isinstance(number, int))
        return super().planned()

    def _pool(self, kind: str, edge: int, text: str) -> None:
        """Take the pool of an edge; once all are known, they are the candidates after the newest epoch."""
        names = _names(text)
        pools = self._pools.setdefault(kind, [])
        if names is None or edge != len(pools):
            self._unread += 1
            return
        pools.append(names)
        if len(pools) == EDGES and self.epoch is not None:
            operations = tuple(dict.fromkeys(name for pool in pools for name in pool))
            alive = [[name in pool for name in operations] for pool in pools]
            if operations:
                self.epoch.weights[kind] = equal_weights(operations, alive)


def _names(text: str) -> list[str] | None:
    """Return the names of a printed pool; None if it is torn."""
    try:
        return [morphable.from_settings(kind, _plain(settings)) for kind, settings in literal(text)]
    except (ValueError, TypeError, UsageError):
        return None


def _plain(settings: Any) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in dict(settings).items()}
