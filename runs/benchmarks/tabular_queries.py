"""The look-ups of a black-box search: the benchmark table of its space, and the columns for its data set."""

from __future__ import annotations

import math
from dataclasses import dataclass

from runs.benchmarks import store
from runs.benchmarks.table import Table
from runs.catalogue import find_space
from runs.errors import EnvironmentLacksError, UsageError
from runs.home import Home


@dataclass(frozen=True)
class Answers:
    """A table that answers every query of a run.

    Attributes:
        table: complete in the columns below.
        signal: the column that the search sees.
        report: the column that its result is judged by.
        seconds: the column with the training time for the signal, in seconds; None if the table has no such column.
    """

    table: Table
    signal: int
    report: int
    seconds: int | None


def answers(home: Home, space: str, dataset: str) -> Answers:
    """Return the table and columns that answer the queries of a run.

    Raises:
        EnvironmentLacksError: the home has no table of the space, or an incomplete one.
        UsageError: the table is damaged or has no results for the data set, or the space has no complete tables.
    """
    known = find_space(space)
    if known is None or known.complete_table is None:
        raise UsageError(
            f"No table has all cells of '{space}', and a search may ask for any.",
            "Set evaluator=training or evaluator=supernet.",
        )
    searched, reported = known.complete_table.signal, known.complete_table.report
    table = store.for_space(home, space)
    if table is None:
        for error in store.damaged(home).values():
            raise error
        columns = " and ".join(f"{dataset[:80]}_{split}_{epochs}" for split, epochs in (searched, reported))
        raise EnvironmentLacksError(
            f"This search looks up what the cells of '{space}' reach, but '{home.benchmarks}' has no table of them.",
            f"Import one: nastui benchmark import FILE, a CSV with the columns arch, {columns}.",
        )
    signal, report = (table.column(dataset, *column) for column in (searched, reported))
    seconds = next(
        (
            index
            for index, column in enumerate(table.columns)
            if (column.dataset, column.split, column.epochs, column.unit) == (dataset, *searched, "seconds")
        ),
        None,
    )
    for index in (signal, report, *([] if seconds is None else [seconds])):
        if missing := sum(map(math.isnan, table.values(index))):
            column = table.columns[index]
            raise EnvironmentLacksError(
                f"The table '{table.name}' has no {column.dataset} {column.label} for {missing:,} cells, "
                "and a search may ask for any.",
                "Import a complete one: nastui benchmark import FILE.",
            )
    return Answers(table, signal, report, seconds)
