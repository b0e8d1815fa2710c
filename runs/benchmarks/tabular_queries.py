"""What a search by queries asks: the benchmark table of its space, and the columns of its data set."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runs.benchmarks import store
from runs.benchmarks.table import Table
from runs.catalogue.entries import Method
from runs.catalogue.spaces.nasbench201 import SPACE as NASBENCH201
from runs.errors import EnvironmentLacksError, UsageError
from runs.home import Home

# NAS-Bench-201 lets a search see the validation accuracy of its 12-epoch schedule; reported is the test accuracy of the
# 200-epoch one.
SIGNAL = ("valid", 12)
REPORT = ("test", 200)


@dataclass(frozen=True)
class Answers:
    """A table that answers every query of a run.

    Attributes:
        table: complete in the columns below.
        signal: the column that a search may look at.
        report: the column that its result is judged by.
        seconds: the column of what the signal's training takes; None where the table does not know.
    """

    table: Table
    signal: int
    report: int
    seconds: int | None


def asks_table(method: Method, values: Mapping[str, Any]) -> bool:
    """Say whether a run asks a benchmark table, and so looks at no image; ``values`` are those of its settings."""
    evaluator = method.options.model_fields.get("evaluator")
    return evaluator is not None and values.get("evaluator", evaluator.default) == "table"


def answers(home: Home, space: str, dataset: str) -> Answers:
    """Return what answers the queries of a run.

    Raises:
        EnvironmentLacksError: no table of the space, or one with gaps.
        UsageError: the table is damaged, or has no results for the data set; or no table has all cells of the space.
    """
    if space != NASBENCH201.name:
        raise UsageError(
            f"No table has all cells of '{space}', and a search may ask for any.",
            "Set evaluator=training or evaluator=supernet.",
        )
    table = store.for_space(home, space)
    if table is None:
        for error in store.damaged(home).values():
            raise error
        columns = " and ".join(f"{dataset[:80]}_{split}_{epochs}" for split, epochs in (SIGNAL, REPORT))
        raise EnvironmentLacksError(
            f"This search looks up what the cells of '{space}' reach, but '{home.benchmarks}' has no table of them.",
            f"Import one: nastui benchmark import FILE, a CSV with the columns arch, {columns}.",
        )
    signal, report = (table.column(dataset, *column) for column in (SIGNAL, REPORT))
    seconds = next(
        (
            place
            for place, column in enumerate(table.columns)
            if (column.dataset, column.split, column.epochs, column.unit) == (dataset, *SIGNAL, "seconds")
        ),
        None,
    )
    for place in (signal, report, *([] if seconds is None else [seconds])):
        if missing := sum(map(math.isnan, table.values(place))):
            column = table.columns[place]
            raise EnvironmentLacksError(
                f"The table '{table.name}' has no {column.dataset} {column.label} for {missing:,} cells, "
                "and a search may ask for any.",
                "Import a complete one: nastui benchmark import FILE.",
            )
    return Answers(table, signal, report, seconds)
