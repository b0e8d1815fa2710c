"""Epochs in compact form equal the originals."""

from __future__ import annotations

import dataclasses
import json
import math
import random

import pytest

from runs.home import Home
from runs.log.compact_history import CompactRows, HistoryCompactor
from runs.log.event_log import EventLogReader
from runs.log.events import CellSnapshot, Entry, EpochEnded, decode, encode
from runs.log.history import load
from tests.synthetic import epoch_event, make_run


def test_rows_are_lists_of_floats() -> None:
    rows = [[0.1, 0.2, 0.7], [1 / 3, math.inf, 5e-324]]
    packed = CompactRows(rows)
    assert packed == rows and rows == list(packed) and packed == CompactRows(rows) and packed != rows[:1]
    assert (len(packed), packed[1], packed[-1], packed[:1]) == (2, rows[1], rows[1], rows[:1])
    assert isinstance(packed[0], list)
    with pytest.raises(IndexError):
        packed[2]


@pytest.mark.parametrize("weights", [[], [[]], [[], [0.5]], [[0.1], [0.1, 0.2]]])
def test_an_odd_shape_stays_as_it_is(weights: list[list[float]]) -> None:
    event = EpochEnded(1, architecture={"cell": CellSnapshot([(0, 1)], ["a"], weights, [], [], {"x": weights})})
    assert HistoryCompactor().compact(event) == event


def test_a_history_equals_its_log_and_keeps_what_stays_once(home: Home) -> None:
    _, paths = make_run(home.root, epochs=4)
    told = [entry.event for entry in EventLogReader(paths.events).read() if isinstance(entry.event, EpochEnded)]
    epochs = load(paths).epochs
    assert epochs == told
    assert isinstance(epochs[0].architecture["cell"].weights, CompactRows)
    first, second = (epoch.architecture["cell"] for epoch in epochs[:2])
    assert first.alive is second.alive and first.edges is second.edges
    assert decode(encode(Entry(1.0, 1, epochs[0]))) == Entry(1.0, 1, told[0])
    assert json.loads(encode(Entry(1.0, 1, epochs[0]))) == json.loads(encode(Entry(1.0, 1, told[0])))


def test_what_changes_and_changes_back_is_told_right() -> None:
    compactor, generator = HistoryCompactor(), random.Random(0)
    event = epoch_event(1, 3, generator)
    cell = event.architecture["cell"]
    pruned = dataclasses.replace(cell, alive=[[False] * 5] * 6, chosen=[-1] * 6)
    told = (({"cell": cell}, None), ({"cell": pruned}, {"a": 1}), ({}, None), ({"cell": cell}, {"a": 1}))
    events = [dataclasses.replace(event, architecture=seen, genotype=genotype) for seen, genotype in told]
    assert [compactor.compact(event) for event in events] == events
