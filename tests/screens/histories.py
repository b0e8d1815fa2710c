"""Small histories as each family of methods reports them, for panels and pictures. They contain no randomness."""

from __future__ import annotations

import math
from typing import Any

from runs.log.events import CellSnapshot, Entry, EpochEnded, Event, Interim, StageStarted, Started, Warned
from runs.log.history import History
from tests.synthetic import EDGES as BENCH_EDGES

OPERATIONS = ["none", "max_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5"]
EDGES = [(source, target) for target in range(2, 6) for source in range(target)]
KINDS = ("normal", "reduce")
BENCH = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]


def folded(events: list[Event]) -> History:
    """Return the history of these events."""
    history = History()
    for number, event in enumerate(events, start=1):
        history.apply(Entry(1.8e9 + number, number, event))
    return history


def _wave(*places: int) -> float:
    """Return a deterministic number of [0, 1) that looks random."""
    return math.modf(abs(math.sin(sum((7 * place + 3) ** 1.5 for place in places))) * 97)[0]


def _snapshot(
    edges: list[tuple[int, int]], operations: list[str], lean: float, shift: int, extras: dict[str, Any] | None = None
) -> CellSnapshot:
    rows = []
    for edge in range(len(edges)):
        scores = [
            _wave(edge, op, shift) + (3 * lean if op == (edge + shift) % len(operations) else 0) for op in range(5)
        ]
        total = sum(map(math.exp, scores))
        rows.append([math.exp(score) / total for score in scores])
    chosen = [row.index(max(row)) for row in rows]
    return CellSnapshot(edges, operations, rows, [[True] * 5 for _ in edges], chosen, extras or {})


def _darts(epoch: int) -> dict[str, Any]:
    edges = [
        [source, node, OPERATIONS[1 + (node + source + (epoch > 4)) % 4]]
        for node in range(2, 6)
        for source in (0, node - 1)
    ]
    return {
        "space": "darts",
        "cells": {kind: {"inputs": 2, "edges": edges, "outputs": [2, 3, 4, 5]} for kind in KINDS},
    }


def dirichlet(epochs: int = 8) -> list[Event]:
    """Return DrNAS on NAS-Bench-201 with a benchmark table."""
    events: list[Event] = [Started(), StageStarted(0, 1, epochs, "search")]
    for epoch in range(1, epochs + 1):
        told = _snapshot(BENCH_EDGES, BENCH, epoch / epochs, 3)
        told.extras["concentration"] = [[1 + 3 * weight for weight in row] for row in told.weights]
        names = [BENCH[place] for place in told.chosen]
        cells = {"inputs": 1, "edges": [[*ends, n] for ends, n in zip(BENCH_EDGES, names, strict=True)]}
        reached = 94 - 40 / epoch
        band = {"min": 10.0 + 5 * epoch, "mean": reached - 4, "max": 94.3}
        events.append(
            EpochEnded(
                epoch,
                epochs,
                metrics={"search_accuracy": 90 - 60 / epoch, "train_accuracy": 95 - 60 / epoch},
                architecture={"cell": told},
                genotype={"space": "nasbench201", "cells": {"cell": cells | {"outputs": [3]}}},
                extras={"benchmark_band": {"cifar10": {"test (200 epochs)": band}}},
                benchmark={"cifar10": {"test (200 epochs)": reached}},
            )
        )
    return events


def sparse_codes(epochs: int = 12) -> list[Event]:
    """Return one-stage ISTA-NAS: nodes freeze one after another, and the recovery of the last one fails once."""
    events: list[Event] = [Started(), StageStarted(0, 2, epochs, "search")]
    for epoch in range(1, epochs + 1):
        architecture, codes = {}, {}
        for shift, kind in enumerate(KINDS):
            x = [[round(_wave(edge, op, shift, 1) - 0.5, 4) if op else 0.0 for op in range(5)] for edge in range(14)]
            architecture[kind] = _snapshot(EDGES, OPERATIONS, epoch / epochs, shift, {"x": x, "alpha": x})
            codes[kind] = [_node(node, epoch, shift) for node in range(4)]
        frozen = sum(told["frozen"] for nodes in codes.values() for told in nodes)
        extras: dict[str, Any] = {
            "codes": codes,
            "alerts": ["Node 3 of the normal cell: the choice of its second operation is nearly a tie."] * (epoch > 9),
            "freezing": {
                "phase": "search",
                "frozen": frozen,
                "nodes": 8,
                "threshold": 1e-3,
                "limit": 3_700_000,
                "candidate_parameters": 3_500_000 + 30_000 * epoch,
                "accepted": epoch < 7,
            },
        }
        metrics = {"search_accuracy": 90 - 60 / epoch, "train_accuracy": 93 - 60 / epoch}
        events.append(EpochEnded(epoch, epochs, 0, 1.0, metrics, {}, architecture, _darts(epoch), extras))
    return events


def _node(node: int, epoch: int, shift: int) -> dict[str, Any]:
    still = epoch >= 6 + node + shift
    live = [[0, "sep_conv_3x3"], [1, "skip_connect"]]
    return {
        "trained": live if epoch % 3 else [[0, "sep_conv_5x5"], [1, "skip_connect"]],
        "live": live,
        "alpha": [1.25, -0.5],
        "margin": 0.125,
        "frozen": still,
        "recovered": not (node == 3 and epoch == 4),
        "distance": 0.0 if still else 10 ** (-epoch / 3),
    }


def training_free() -> list[Event]:
    """Return TE-NAS on NAS-Bench-201 in the middle of the second round."""
    shown = _snapshot(BENCH_EDGES, BENCH, 0.0, 0, {"round_of_cut": [[0.0, 1.0, 0.0, 0.0, 0.0] for _ in BENCH_EDGES]})
    names = ("change_of_kappa", "change_of_regions", "rank_of_kappa", "rank_of_regions", "rank_sum", "falls")

    def told(draws: list[float], columns: int, margins: list[float | None]) -> dict[str, Any]:
        sums = [[edge * 5 + op if op and op <= columns else None for op in range(5)] for edge in range(6)]
        by_name = {
            name: {"cell": [[None if value is None else value + 0.25 * at for value in row] for row in sums]}
            for at, name in enumerate(names[:5])
        }
        falls = [[None if value is None else int(op == 1) for op, value in enumerate(row)] for row in sums]
        return {
            **by_name,
            "falls": {"cell": falls},
            "margin_in_noise": {"cell": margins},
            "kappa_of_draws": draws,
            "regions_of_draws": [200.0, 240.0],
            "draws": 2,
        }

    first = EpochEnded(
        1,
        3,
        metrics={"kappa": 900.0, "regions": 220.0},
        architecture={"cell": shown},
        extras=told([800.0, 1000.0], 4, [2.5, 1.0, None, 4.0, 3.0, 6.0]),
    )
    return [
        Started(),
        StageStarted(0, 1, 3, "operations"),
        first,
        Interim(2, told([450.0], 2, [None] * 6)),
    ]


def morphing() -> list[Event]:
    """Return PR-DARTS in its second stage: the first edge gained a child and a grandchild, and lost an operation."""
    members = [
        {"operation": "c3", "active": True, "parent": "", "morph": "", "born": 0, "probability": 0.4},
        {"operation": "max3", "active": False, "parent": "", "morph": "", "born": 0, "probability": 0.05},
        {"operation": "c5", "active": True, "parent": "c3", "morph": "kernel+2", "born": 1, "probability": None},
        {"operation": "c5d2", "active": True, "parent": "c5", "morph": "dilation+1", "born": 1, "probability": None},
    ]
    columns = [member["operation"] for member in members]
    told = CellSnapshot(EDGES, columns, [[0.4, 0.0, 0.3, 0.3]] * 14, [[True, False, True, True]] * 14, [3] + [-1] * 13)
    kind = {"discovered": columns, "edges": [members] * 14}
    change = {
        "cell": "normal",
        "edge": 0,
        "dropped": [{"operation": "max3", "probability": 0.05}],
        "added": [{"operation": "c5", "parent": "c3", "morph": "kernel+2", "probability": 0.8, "difference": 0.0}],
        "short": 0,
    }
    extras = {
        "pool": dict.fromkeys(KINDS, kind),
        "transition": {"changes": [change], "carried_share": 0.75, "accuracy_before": 60.0, "accuracy_after": 59.5},
        "discovered": {"normal": 4, "reduce": 4},
        "reachable_within_stages": 30,
        "reachable_ever": 85,
    }
    later = {name: extras[name] for name in ("discovered", "reachable_within_stages", "reachable_ever")}
    cells = dict.fromkeys(KINDS, told)
    metrics = {"search_accuracy": 60.0, "derived_accuracy": 35.0}
    return [
        Started(),
        StageStarted(1, 3, 4, "widen"),
        EpochEnded(5, 9, 1, 1.0, metrics, {}, cells, _darts(1), extras),
        Warned("weights_not_carried", "The next stage has another depth."),
        EpochEnded(6, 9, 1, 1.0, metrics, {}, cells, _darts(6), later),
    ]


def queries(epochs: int = 10) -> list[Event]:
    """Return a black-box search on a table that includes seconds."""
    return [
        EpochEnded(
            epoch,
            epochs,
            metrics={
                "search_accuracy": 84 - 4 / epoch,
                "table_test_accuracy": 94.37 - 3 / epoch,
                "regret": 3 / epoch,
                "queries": 50.0 * epoch,
                "simulated_seconds": 9000.0 * epoch,
            },
        )
        for epoch in range(1, epochs + 1)
    ]


FOREIGN = CellSnapshot([(0, 1)], ["[/o]"], [], [], [], {"concentration": [[1.0]], "x": [[]]})
