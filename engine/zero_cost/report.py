"""The report of a pruning round: matrices edges x operations, and the draws behind them.

See docs/methods/tenas.md, "What to watch".
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from typing import Any

from engine.spaces.space import Candidates
from engine.zero_cost.pruning_rules import Slot
from engine.zero_cost.scores import Measurement
from engine.zero_cost.table import CHECKS, Decision, Table
from runs.catalogue import Space
from runs.log.events import CellSnapshot

Value = float | int | None
# A margin of fewer standard errors may be due to chance.
COIN_TOSS = 2.0
# Decimals of reported values: more would be noise.
_DIGITS = 6


def snapshots(
    space: Space, live: Candidates, chosen: dict[str, list[int]], fell: dict[Slot, int]
) -> dict[str, CellSnapshot]:
    """Return the live operations, each with its share 1 / k of an edge.

    Args:
        space, live: the space and its live operations.
        chosen: the operation that the genotype takes, by kind of cell and edge, or -1.
        fell: the round in which a slot was removed. ``round_of_cut`` shows it; 0 if it was never removed.
    """
    columns = range(len(space.operations))
    return {
        kind: CellSnapshot(
            list(space.edges),
            list(space.operations),
            [[1 / len(row) if op in row else 0.0 for op in columns] for row in live[kind]],
            [[op in row for op in columns] for row in live[kind]],
            chosen[kind],
            {
                "round_of_cut": [
                    [float(fell.get((cell, edge, op), 0)) for op in columns] for edge in range(len(space.edges))
                ]
            },
        )
        for cell, kind in enumerate(space.cells)
    }


def extras(space: Space, tables: Sequence[Table]) -> dict[str, Any]:
    """Return what follows from an epoch's tables so far.

    Values of candidates are matrices by kind of cell, edges x operations. None stands for infinite values and for
    entries without a candidate.
    """
    decisions = [decision for table in tables if (decision := table.decide(table.draws())) is not None]
    report: dict[str, Any] = {}
    matrices: dict[str, Callable[[Decision], Sequence[Value]]] = {
        "change_of_kappa": lambda decision: [_finite(value) for value in decision.kappa],
        "change_of_regions": lambda decision: [_finite(value) for value in decision.regions],
        "rank_of_kappa": lambda decision: decision.ranking.kappa,
        "rank_of_regions": lambda decision: decision.ranking.regions,
        "rank_sum": lambda decision: decision.ranking.sums,
        "falls": lambda decision: [int(slot in decision.removed) for slot in decision.slots],
    }
    for name, values in matrices.items():
        by_slot = {
            slot: value for decision in decisions for slot, value in zip(decision.slots, values(decision), strict=True)
        }
        report[name] = {
            kind: [
                [by_slot.get((cell, edge, op)) for op in range(len(space.operations))]
                for edge in range(len(space.edges))
            ]
            for cell, kind in enumerate(space.cells)
        }
    margins = {
        where: None if margin is None else round(margin, 2)
        for decision in decisions
        for where, margin in decision.margins.items()
    }
    report["margin_in_noise"] = {
        kind: [margins.get((cell, edge)) for edge in range(len(space.edges))] for cell, kind in enumerate(space.cells)
    }
    first = tables[0]
    begun = [measurements for draw in first.draws() if (measurements := first.of(draw))]
    report["kappa_of_draws"] = [_finite(kappa(measurements)) for measurements in begun]
    report["regions_of_draws"] = [regions(measurements) for measurements in begun]
    report["infinite_kappas"] = sum(not math.isfinite(one.kappa) for table in tables for one in table.measured)
    report["draws"] = sum(len(table.draws()) for table in tables)
    if (check := check_by_other_draws(tables)) is not None:
        report["another_seed"] = check
    return report


def check_by_other_draws(tables: Sequence[Table]) -> dict[str, int] | None:
    """Return the number of edges on which draws with another seed would decide otherwise; None without such draws."""
    changed = edges = 0
    for table in tables:
        other, decision = table.decide(table.draws(CHECKS)), table.decide(table.draws())
        if other is None or decision is None:
            continue
        differ = set(decision.removed) ^ set(other.removed)
        changed += len({slot[:2] for slot in differ})
        edges += len({slot[:2] for slot in table.slots})
    return {"edges": edges, "cut_otherwise": changed} if edges else None


def metrics(tables: Sequence[Table], samples: int) -> dict[str, float]:
    """Return the metrics of an epoch: of the network before its first cut, and how certain the cuts are.

    Args:
        tables: of the epoch, with all their draws.
        samples: the number of crops on which regions are counted.
    """
    first = tables[0]
    deciding = [measurement for draw in first.draws() for measurement in first.of(draw)]
    found = {"regions": regions(deciding), "region_share": 100 * regions(deciding) / samples}
    if math.isfinite(of_all := kappa(deciding)):
        found = {"kappa": of_all, **found}
    decisions = [decision for table in tables if (decision := table.decide(table.draws())) is not None]
    margins = [margin for decision in decisions for margin in decision.margins.values()]
    known = [margin for margin in margins if margin is not None]
    if known:
        found["coin_tosses"] = float(sum(margin < COIN_TOSS for margin in known))
    found["dropped_draws"] = float(len(uninformative_draws(tables)))
    return found


def uninformative_draws(tables: Sequence[Table]) -> list[tuple[int, int]]:
    """Return (table, draw) of each draw whose network before the cut has an infinite kappa."""
    return [
        (number, draw)
        for number, table in enumerate(tables)
        for draw in table.draws()
        if any(not math.isfinite(measurement.kappa_before) for measurement in table.of(draw))
    ]


def kappa(measurements: Sequence[Measurement]) -> float:
    """Return the geometric mean of kappa before the cut, over positive, finite values; infinite if there are none."""
    known = [one.kappa_before for one in measurements if 0 < one.kappa_before < math.inf]
    return statistics.geometric_mean(known) if known else math.inf


def regions(measurements: Sequence[Measurement]) -> float:
    """Return the mean number of regions before the cut."""
    return statistics.fmean(one.regions_before for one in measurements)


def _finite(value: float) -> float | None:
    return round(value, _DIGITS) if math.isfinite(value) else None
