"""What a benchmark table knows of a run's architectures, looked up at the end of every epoch."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

from engine.method import Method
from engine.search.loop import DifferentiableSearch
from engine.search.snapshots import draws
from runs.benchmarks import store
from runs.benchmarks.table import Table, shown
from runs.genotypes.genotype import Genotype
from runs.home import Home
from runs.log.events import Event, Warned


class Benchmark:
    """The table of a run's space, opened once; without one it knows nothing.

    Args:
        home: of the run.
        space: of the run.
        emit: told of tables that cannot be read; a search goes on without.
    """

    def __init__(self, home: Home, space: str, emit: Callable[[Event], None]) -> None:
        self._table = store.for_space(home, space)
        for error in store.damaged(home).values():
            emit(Warned("benchmark", str(error)))

    def accuracies(self, genotype: Genotype) -> dict[str, dict[str, float]]:
        """Return ``{data set: {"test (200 epochs)": percent}}`` of an architecture."""
        table = self._table_of(genotype)
        return table.accuracies(genotype) if table else {}

    def extras(self, method: Method, genotype: Genotype) -> dict[str, Any]:
        """Return what the reported columns say beyond the accuracies; nothing without a table.

        ``benchmark_regret`` has the keys of :meth:`accuracies`: what the genotype misses to the best of the table, in
        percentage points. ``benchmark_band`` has ``min``, ``mean`` and ``max`` in their place: accuracies of 100
        architectures sampled from the search's distribution (drnas.md, section 15); left out where it draws a single
        one.
        """
        table = self._table_of(genotype)
        row = table.row(genotype) if table else None
        if table is None or row is None:
            return {}
        told: dict[str, Any] = {
            "benchmark_regret": _keyed(table, {place: table.regret(place, row[place]) for place in table.reported})
        }
        if isinstance(method, DifferentiableSearch):
            rows = [found for found in map(table.row, sampled(method)) if found is not None]
            if len(set(rows)) > 1:
                told["benchmark_band"] = _keyed(
                    table, {place: _band([found[place] for found in rows]) for place in table.reported}
                )
        return told

    def _table_of(self, genotype: Genotype) -> Table | None:
        return self._table if self._table is not None and self._table.space == genotype.space else None


def sampled(method: DifferentiableSearch) -> list[Genotype]:
    """Return the architectures of 100 draws of the search's relaxation; none of its randomness is touched."""
    space, candidates = method.context.space, method.supernet.candidates
    return [
        space.derive({kind: cell_weights.weights.tolist() for kind, cell_weights in mixing.items()}, candidates)
        for mixing in draws(method.architecture, method.strategies.relaxation)
    ]


def _band(values: list[float]) -> dict[str, float]:
    return {"min": shown(min(values)), "mean": round(statistics.fmean(values), 4), "max": shown(max(values))}


def _keyed(table: Table, by_place: dict[int, Any]) -> dict[str, dict[str, Any]]:
    """Return what is told of columns by data set and label."""
    found: dict[str, dict[str, Any]] = {}
    for place, told in by_place.items():
        column = table.columns[place]
        found.setdefault(column.dataset, {})[column.label] = told
    return found
