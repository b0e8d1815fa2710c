"""What a search by pruning tells of a round: matrices edges x operations, and the draws behind them (tenas.md 12)."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from typing import Any

from engine.spaces.space import Candidates
from engine.zero_cost.pruning_rules import Place
from engine.zero_cost.scores import Measured
from engine.zero_cost.table import CHECKS, Standing, Table
from runs.catalogue import Space
from runs.log.events import CellSnapshot

Value = float | int | None
# Below so many standard errors a cut may be chance.
COIN_TOSS = 2.0
# Decimals of what is told: more would be noise.
_DIGITS = 6


def snapshots(
    space: Space, live: Candidates, chosen: dict[str, list[int]], fell: dict[Place, int]
) -> dict[str, CellSnapshot]:
    """Return what is alive, each operation with its share 1 / k of an edge.

    Args:
        space, live: what there is.
        chosen: by kind of cell and edge, the operation that the genotype takes, or -1.
        fell: the round in which a place fell. ``round_of_cut`` shows it; 0 for what has not, or never was a candidate.
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
    """Return what the tables of an epoch say so far. Infinite figures are None, as those of no candidate are."""
    standings = [standing for table in tables if (standing := table.standing(table.draws())) is not None]
    told: dict[str, Any] = {}
    matrices: dict[str, Callable[[Standing], Sequence[Value]]] = {
        "change_of_kappa": lambda standing: [_finite(value) for value in standing.kappa],
        "change_of_regions": lambda standing: [_finite(value) for value in standing.regions],
        "rank_of_kappa": lambda standing: standing.ranked.kappa,
        "rank_of_regions": lambda standing: standing.ranked.regions,
        "rank_sum": lambda standing: standing.ranked.sums,
        "falls": lambda standing: [int(place in standing.fallen) for place in standing.places],
    }
    for name, values in matrices.items():
        filled = {
            place: value
            for standing in standings
            for place, value in zip(standing.places, values(standing), strict=True)
        }
        told[name] = {
            kind: [
                [filled.get((cell, edge, op)) for op in range(len(space.operations))]
                for edge in range(len(space.edges))
            ]
            for cell, kind in enumerate(space.cells)
        }
    margins = {
        where: None if margin is None else round(margin, 2)
        for standing in standings
        for where, margin in standing.margins.items()
    }
    told["margin_in_noise"] = {
        kind: [margins.get((cell, edge)) for edge in range(len(space.edges))] for cell, kind in enumerate(space.cells)
    }
    told["kappa_of_draws"] = [_finite(kappa(tables[0].of(draw))) for draw in _begun(tables[0])]
    told["regions_of_draws"] = [regions(tables[0].of(draw)) for draw in _begun(tables[0])]
    told["infinite_kappas"] = sum(not math.isfinite(pair.kappa) for table in tables for pair in table.measured)
    told["draws"] = sum(len(table.draws()) for table in tables)
    if (check := checked(tables)) is not None:
        told["another_seed"] = check
    return told


def checked(tables: Sequence[Table]) -> dict[str, int] | None:
    """Return on how many edges draws of another seed would cut otherwise; None where nobody asked for such."""
    changed = edges = 0
    for table in tables:
        other, standing = table.standing(table.draws(CHECKS)), table.standing(table.draws())
        if other is None or standing is None:
            continue
        differ = set(standing.fallen) ^ set(other.fallen)
        changed += len({place[:2] for place in differ})
        edges += len({place[:2] for place in table.places})
    return {"edges": edges, "cut_otherwise": changed} if edges else None


def metrics(tables: Sequence[Table], samples: int) -> dict[str, float]:
    """Return the figures of an epoch: of the network before its first cut, and how sure the cuts are.

    Args:
        tables: of the epoch, with all their draws.
        samples: crops that regions are counted on.
    """
    first = tables[0]
    decided = [pair for draw in first.draws() for pair in first.of(draw)]
    told = {"regions": regions(decided), "region_share": 100 * regions(decided) / samples}
    if math.isfinite(of_all := kappa(decided)):
        told = {"kappa": of_all, **told}
    standings = [standing for table in tables if (standing := table.standing(table.draws())) is not None]
    margins = [margin for standing in standings for margin in standing.margins.values()]
    known = [margin for margin in margins if margin is not None]
    if known:
        told["coin_tosses"] = float(sum(margin < COIN_TOSS for margin in known))
    told["dropped_draws"] = float(len(dropped(tables)))
    return told


def dropped(tables: Sequence[Table]) -> list[tuple[int, int]]:
    """Return the draws, by table, that tell nothing of a candidate's kappa, as the network before had none."""
    return [
        (number, draw)
        for number, table in enumerate(tables)
        for draw in table.draws()
        if any(not math.isfinite(pair.kappa_before) for pair in table.of(draw))
    ]


def kappa(pairs: Sequence[Measured]) -> float:
    """Return the geometric mean of the network before, over what is finite; infinite where nothing is."""
    known = [pair.kappa_before for pair in pairs if math.isfinite(pair.kappa_before)]
    return statistics.geometric_mean(known) if known else math.inf


def regions(pairs: Sequence[Measured]) -> float:
    """Return the mean number of regions of the network before."""
    return statistics.fmean(pair.regions_before for pair in pairs)


def _begun(table: Table) -> list[int]:
    return [draw for draw in table.draws() if table.of(draw)]


def _finite(value: float) -> float | None:
    return round(value, _DIGITS) if math.isfinite(value) else None
