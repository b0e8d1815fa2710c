"""Entropy and margin of edges: the formulas, and where an epoch gets them from."""

from __future__ import annotations

import math

import pytest

from runs.log.events import CellSnapshot, EpochEnded
from runs.log.indicators import collapsed, entropies, entropy, margin, margins

CELL = CellSnapshot(
    edges=[(0, 1), (0, 2)],
    operations=["a", "b", "c"],
    weights=[[0.5, 0.3, 0.2], [0.6, 0.4, 0.9]],
    alive=[[True, True, True], [True, True, False]],
    chosen=[0, 0],
)


def test_formulas() -> None:
    assert entropy([0.25] * 4 + [0.0]) == pytest.approx(math.log(4))
    assert entropy([1.0, 0.0]) == 0
    assert margin([0.1, 0.7, 0.2]) == pytest.approx(0.5)
    assert margin([0.7]) == 0.7


def test_an_epoch_has_them_from_the_engine() -> None:
    event = EpochEnded(
        architecture={"cell": CELL}, extras={"entropy": {"cell": [0.1, 0.2]}, "margin": {"cell": [0.3, None]}}
    )
    assert entropies(event, "cell") == (0.1, 0.2)
    assert margins(event, "cell") == (0.3, pytest.approx(math.nan, nan_ok=True))
    assert entropies(event, "other") == ()


@pytest.mark.parametrize("extras", [{}, {"entropy": 5, "margin": {"cell": [1.0]}}, {"entropy": {"cell": "x"}}])
def test_else_from_the_operations_that_are_alive(extras: dict[str, object]) -> None:
    event = EpochEnded(architecture={"cell": CELL}, extras=extras)
    assert entropies(event, "cell") == pytest.approx((entropy([0.5, 0.3, 0.2]), entropy([0.6, 0.4])))
    assert margins(event, "cell") == pytest.approx((0.2, 0.2))


def test_ragged_snapshots_have_unknown_edges() -> None:
    event = EpochEnded(architecture={"cell": CellSnapshot([(0, 1), (0, 2)], ["a"], [[math.nan, 1.0]], [], [])})
    assert entropies(event, "cell") == (0.0, pytest.approx(math.nan, nan_ok=True))


@pytest.mark.parametrize(("extras", "expected"), [({}, None), ({"collapsed": 1}, None), ({"collapsed": True}, True)])
def test_a_collapse_is_never_guessed(extras: dict[str, object], expected: bool | None) -> None:
    assert collapsed(EpochEnded(extras=extras)) is expected
