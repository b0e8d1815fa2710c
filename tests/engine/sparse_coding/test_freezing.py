"""Freezing: the public loop's decisions on scripted recoveries, and cases that it does not cover."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.core import schedules
from engine.methods.ista.sparse_coding import Array, freezing
from engine.methods.ista.sparse_coding.freezing import Nodes
from engine.methods.ista.sparse_coding.supports import Live, genotype, live
from runs.catalogue.costs import count
from runs.genotypes.costs import Shape
from tests.engine.sparse_coding.vectors import dense
from tests.vectors import load

VECTORS = load("ista/onestage_freeze")
SHAPE = Shape(channels=36, layers=20, norms="all")
KINDS = ("normal", "reduce")


def vectors(cells: dict[str, list[dict[str, float]]]) -> list[Array]:
    return [dense(sparse, 7 * (node + 2)) for kind in KINDS for node, sparse in enumerate(cells[kind])]


def supports(x: tuple[Array, ...]) -> list[Live]:
    found = [live(vector) for vector in x]
    assert None not in found
    return [chosen for chosen in found if chosen is not None]


def parameters(x: tuple[Array, ...]) -> int:
    chosen = supports(x)
    return count(genotype({"normal": chosen[:4], "reduce": chosen[4:]}, VECTORS["ops"]), SHAPE).parameters


@pytest.mark.parametrize("trace", VECTORS["traces"], ids=lambda trace: trace["kind"])
def test_the_public_loop_s_traces(trace: dict[str, Any]) -> None:
    rule = {"threshold": trace["threshold"], "limit": trace["param_limit"]}
    scripted = [vectors(cells) for cells in trace["candidate_x"]]
    first = parameters(tuple(scripted[0]))
    assert first == trace["initial_params"]
    nodes = freezing.start(scripted[0], first, limit=trace["param_limit"])
    assert nodes.fits == (first < trace["param_limit"])
    rejected, trained = 0, 0
    for row in trace["epochs"]:
        trained += 1
        assert [int(flag) for flag in nodes.frozen] == row["frozen_in"]
        running = [sorted(chosen) for chosen in supports(nodes.x)]
        assert running == [sorted(chosen) for chosen in row["live"]]
        assert nodes.all_frozen == row.get("stop", False)
        if nodes.all_frozen:
            break
        size = parameters(freezing.candidate(nodes, scripted[row["epoch"]]))
        assert size == row["candidate_params"]
        taken = freezing.step(nodes, scripted[row["epoch"]], size, **rule)
        assert taken.distances == pytest.approx(row["dist"], rel=1e-5, abs=1e-12)
        assert taken.accepted == row["accepted"]
        assert [int(flag) for flag in taken.nodes.frozen] == row["frozen_out"]
        rejected = 0 if taken.accepted else rejected + 1
        assert taken.nodes.rejections == rejected
        nodes = taken.nodes
    assert trained == trace["search_epochs_run"]
    # In its fixed phase, the public code runs the operations that the last epoch trained.
    assert running == [sorted(chosen) for chosen in trace["fixed_phase_live"]]
    assert trace["stopped_by"] == ("all_frozen" if nodes.all_frozen else "epoch_cap")
    for epoch, rate in enumerate(trace["fixed_phase_drop_path"]):
        assert schedules.linear(0, 0.2, epoch, trace["fixed_phase_epochs"]) == pytest.approx(rate, abs=1e-9)


def test_at_the_cap_the_last_recovery_counts_and_every_node_freezes() -> None:
    trace = next(trace for trace in VECTORS["traces"] if trace["kind"] == "never_settles")
    scripted = [vectors(cells) for cells in trace["candidate_x"]]
    nodes = freezing.start(scripted[0], trace["initial_params"])
    for recovered in scripted[1:]:
        nodes = freezing.step(nodes, recovered, 3_000_000).nodes
    assert not any(nodes.frozen)
    last = freezing.stop(nodes)
    assert last.all_frozen
    assert [sorted(chosen) for chosen in supports(last.x)] != trace["fixed_phase_live"]
    assert supports(last.x) == supports(tuple(scripted[-1]))


def two(first: float, second: float) -> list[Array]:
    return [np.array([first, 1.0]), np.array([second, 1.0])]


def run(nodes: Nodes, moves: list[tuple[float, float]], **rule: Any) -> list[tuple[bool, ...]]:
    flags = []
    for move in moves:
        nodes = freezing.step(nodes, two(*move), 0, **rule).nodes
        flags.append(nodes.frozen)
    return flags


def test_patience_wants_still_recoveries_in_a_row() -> None:
    moves = [(0.0, 0.0), (0.0, 1.0), (0.0, 1.0), (0.0, 1.0)]
    start = freezing.start(two(0, 0), 0)
    assert run(start, moves, patience=1) == [(True, True)] * 4
    assert run(start, moves, patience=2) == [(False, False), (True, False), (True, False), (True, True)]
    assert run(start, moves, patience=3)[-1] == (True, False)


def test_a_node_without_a_recovery_keeps_its_vector_and_is_not_still() -> None:
    """A failed recovery leaves distance 0 behind, which must not freeze the node."""
    start = freezing.start(two(0, 0), 0)
    taken = freezing.step(start, [None, np.array([0.0, 1.0])], 0, patience=2)
    assert taken.distances == (None, 0.0)
    assert taken.nodes.still == (0, 1)
    assert taken.nodes.x[0] is start.x[0]
    after = freezing.step(taken.nodes, two(0, 0), 0, patience=2)
    assert after.nodes.frozen == (False, True)
    # A frozen node needs no recovery.
    final = freezing.step(after.nodes, [np.array([0.0, 1.0]), None], 0, patience=2)
    assert (final.distances, final.nodes.frozen) == ((0.0, 0.0), (True, True))


def test_cells_too_large_are_not_taken_but_flags_stay() -> None:
    start = freezing.start(two(0, 0), 3_700_000)
    assert not start.fits
    taken = freezing.step(start, two(0, 5), 3_700_000)
    assert (taken.accepted, taken.nodes.fits, taken.nodes.rejections) == (False, False, 1)
    assert taken.nodes.frozen == (True, False)
    assert taken.nodes.x == start.x
    small = freezing.step(taken.nodes, two(9, 5), 3_699_999)
    assert (small.accepted, small.nodes.fits, small.nodes.rejections) == (True, True, 0)
    assert [x[0] for x in small.nodes.x] == [0, 5]  # the first node froze before
    assert freezing.start(two(0, 0), 10**9, limit=None).fits
    assert freezing.step(start, two(0, 5), 10**9, limit=None).accepted
