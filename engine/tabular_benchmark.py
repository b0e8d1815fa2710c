"""Looks up a run's architectures in a benchmark table, at the end of every epoch."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

from engine.method import Method, SamplesGenotypes
from runs.benchmarks import store
from runs.benchmarks.table import Table, shown
from runs.genotypes.genotype import Genotype
from runs.home import Home
from runs.log.events import Event, Warned


class Benchmark:
    """The table of a run's space, opened once; without a table every answer is empty.

    Args:
        home: of the run.
        space: of the run.
        emit: gets a warning for each table that cannot be read; the search continues without it.
    """

    def __init__(self, home: Home, space: str, emit: Callable[[Event], None]) -> None:
        self._table = store.for_space(home, space)
        for error in store.damaged(home).values():
            emit(Warned("benchmark", str(error)))

    def event_fields(self, genotype: Genotype) -> dict[str, Any]:
        """Return the table's part of an ``epoch`` event, as :meth:`runs.benchmarks.table.Table.event_fields` does."""
        table = self._table_of(genotype)
        return table.event_fields(genotype) if table else {}

    def extras(self, method: Method, genotype: Genotype) -> dict[str, Any]:
        """Return regrets, and accuracies of sampled architectures, for the reported columns; empty without a table.

        ``benchmark_regret`` has the keys of the event's ranks: the distance to the best of the table, in percentage
        points. ``benchmark_band`` has the same keys, each with the ``min``, ``mean`` and ``max`` accuracy of 100
        architectures sampled from the search's distribution; it is left out if all samples are the same. See
        docs/methods/drnas.md, "The band of sampled architectures".
        """
        table = self._table_of(genotype)
        row = table.row(genotype) if table else None
        if table is None or row is None:
            return {}
        extras: dict[str, Any] = {
            "benchmark_regret": table.keyed({column: table.regret(column, row[column]) for column in table.reported})
        }
        if isinstance(method, SamplesGenotypes):
            rows = [found for found in map(table.row, method.sampled_genotypes()) if found is not None]
            if len(set(rows)) > 1:
                extras["benchmark_band"] = table.keyed(
                    {column: _band([found[column] for found in rows]) for column in table.reported}
                )
        return extras

    def _table_of(self, genotype: Genotype) -> Table | None:
        return self._table if self._table is not None and self._table.space == genotype.space else None


def _band(values: list[float]) -> dict[str, float]:
    return {"min": shown(min(values)), "mean": round(statistics.fmean(values), 4), "max": shown(max(values))}
