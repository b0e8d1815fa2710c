"""The events of engines: what is written can be read back, also by other versions."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.log.events import (
    EVENT_TYPES,
    CellSnapshot,
    Entry,
    EpochEnded,
    Event,
    Failed,
    Progress,
    Started,
    Unknown,
    decode,
    encode,
    printed,
)
from tests.runs.strategies import PAYLOADS, events, json_values, number, seconds, whole


def line(payload: dict[str, Any], **head: Any) -> str:
    return json.dumps({"v": 1, "t": 1.5, "n": 7} | head | payload)


def decoded(payload: dict[str, Any], **head: Any) -> Event:
    entry = decode(line(payload, **head))
    assert entry is not None
    return entry.event


@given(seconds, st.integers(0, 2**60), events())
def test_round_trip(time: float, counter: int, event: Event) -> None:
    entry = Entry(time, counter, event)
    # Compared as text, because NaN is not equal to itself.
    assert repr(decode(encode(entry))) == repr(entry)


@pytest.mark.parametrize("kind", PAYLOADS, ids=lambda kind: kind.type)
def test_a_line_is_one_object_that_names_its_type(kind: type[Event]) -> None:
    text = encode(Entry(1.5, 7, kind()))
    assert "\n" not in text
    raw = json.loads(text)
    assert (raw["v"], raw["t"], raw["n"], raw["type"]) == (2, 1.5, 7, kind.type)


def test_types_are_distinct() -> None:
    assert len(set(EVENT_TYPES)) == len(PAYLOADS)


@pytest.mark.parametrize("kind", PAYLOADS, ids=lambda kind: kind.type)
def test_a_newer_version_with_more_fields_is_read(kind: type[Event]) -> None:
    raw = json.loads(encode(Entry(1.5, 7, kind()))) | {"v": 99, "invented": {"deep": [1]}}
    assert decode(json.dumps(raw)) == Entry(1.5, 7, kind())


@pytest.mark.parametrize("kind", PAYLOADS, ids=lambda kind: kind.type)
def test_missing_fields_take_their_default(kind: type[Event]) -> None:
    assert decoded({"type": kind.type}) == kind()
    assert decode(json.dumps({"t": 1.5, "n": 7, "type": kind.type})) == Entry(1.5, 7, kind())


def test_a_newer_cell_snapshot_is_read() -> None:
    cell = CellSnapshot([(0, 1)], ["none"], [[1.0]], [[True]], [0])
    raw = dataclasses.asdict(cell) | {"invented": 1}
    del raw["extras"]
    assert decoded({"type": "epoch", "architecture": {"cell": raw}}) == EpochEnded(architecture={"cell": cell})


def test_labels_of_edges_are_read_as_pairs() -> None:
    """Schema 1 named an edge ``target←source``."""
    cell = CellSnapshot([(0, 1), (1, 12)], ["none"], [[1.0], [1.0]], [[True], [True]], [0, 0])
    raw = dataclasses.asdict(cell) | {"edges": ["1←0", "12←1"]}
    assert decoded({"type": "epoch", "architecture": {"cell": raw}}) == EpochEnded(architecture={"cell": cell})


@pytest.mark.parametrize("label", ["", "e", "1→0", "-1←0", "1←", "²←1", "1←0\n", f"{10**20}←0"])
def test_a_cell_with_other_labels_is_left_out_of_its_epoch(label: str) -> None:
    good = dataclasses.asdict(CellSnapshot([(0, 1)], ["none"], [[1.0]], [[True]], [0]))
    event = decoded({"type": "epoch", "epoch": 3, "architecture": {"good": good, "bad": good | {"edges": [label]}}})
    assert isinstance(event, EpochEnded)
    assert (event.epoch, list(event.architecture)) == (3, ["good"])


def test_commands_print_edges_as_labels() -> None:
    cell = CellSnapshot([(0, 1), (1, 12)], ["none"], [[1.0], [1.0]], [[True], [True]], [0, 0])
    raw = printed(Entry(1.5, 7, EpochEnded(architecture={"cell": cell})))
    assert (raw["v"], raw["architecture"]["cell"]["edges"]) == (1, ["1←0", "12←1"])
    assert decode(json.dumps(raw)) == Entry(1.5, 7, EpochEnded(architecture={"cell": cell}))


@given(st.text().filter(lambda name: name not in EVENT_TYPES), st.dictionaries(st.text(), json_values, max_size=3))
def test_an_unknown_type_is_kept_as_it_came(name: str, data: dict[str, Any]) -> None:
    data = {key: value for key, value in data.items() if key not in ("v", "t", "n", "type")}
    event = decoded(data | {"type": name}, v=2)
    assert repr(event) == repr(Unknown(name, data))
    assert repr(decode(encode(Entry(1.5, 7, event)))) == repr(Entry(1.5, 7, event))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_metrics_need_not_be_finite(value: float) -> None:
    event = decode(encode(Entry(1.5, 7, EpochEnded(metrics={"train_loss": value}))))
    assert isinstance(event, Entry)
    assert isinstance(event.event, EpochEnded)
    assert repr(event.event.metrics["train_loss"]) == repr(value)


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "epoch", "epoch": None},
        {"type": "epoch", "epoch": math.inf},
        {"type": "epoch", "epoch": 1.5},
        {"type": "epoch", "seconds": None},
        {"type": "epoch", "seconds": "long"},
        {"type": "epoch", "metrics": [1]},
        {"type": "epoch", "metrics": {"loss": None}},
        {"type": "epoch", "architecture": {"cell": {"edges": []}}},
        {"type": "epoch", "genotype": "none"},
        {"type": "epoch", "benchmark": {"cifar10": 93.0}},
        {"type": "progress", "eta": "soon"},
        {"type": "started", "environment": 5},
        {"type": "failed", "error": {"no": "text"}},
        {"type": "finished", "parameters": "many"},
        {"type": "started", "t": None},
        {"type": "started", "n": math.inf},
        {"type": "started", "t": 10**400},
    ],
    ids=str,
)
def test_a_field_of_another_kind_is_no_event(payload: dict[str, Any]) -> None:
    assert decode(line(payload)) is None


def cell(**changes: Any) -> dict[str, Any]:
    whole_cell = CellSnapshot([(0, 1), (0, 2)], ["none", "skip"], [[0.5, 0.5]] * 2, [[True, True]] * 2, [0, 1])
    return {"type": "epoch", "architecture": {"cell": dataclasses.asdict(whole_cell) | changes}}


@pytest.mark.parametrize(
    "payload",
    [
        *({"type": "paused", "t": time} for time in (math.nan, math.inf, 1e300, 1e12, -1.0)),
        *({"type": "epoch", "seconds": seconds} for seconds in (math.nan, math.inf, 1e300, -1.0)),
        *({"type": "progress", "eta": eta} for eta in (math.nan, math.inf, 1e300)),
        {"type": "paused", "n": 10**30},
        {"type": "paused", "n": -1},
        {"type": "epoch", "epoch": -1},
        {"type": "epoch", "epochs": 10**30},
        {"type": "resumed", "epoch": 10**400},
        {"type": "checkpoint", "bytes": 10**400},
        {"type": "progress", "memory": 2**70},
        {"type": "finished", "macs": 10**400},
        {"type": "epoch", "metrics": {"search_accuracy": 1e308}},
        {"type": "epoch", "metrics": {"search_accuracy": 10**400}},
        {"type": "epoch", "benchmark": {"cifar10": {"test": -1e300}}},
        {"type": "epoch", "learning_rates": {"weights": 1e200}},
        cell(weights=[[0.5, 0.5], [0.5]]),
        cell(weights=[[0.5, 0.5]]),
        cell(alive=[[True, True]]),
        cell(alive=[]),
        cell(chosen=[0]),
        cell(chosen=[0, 2]),
        cell(chosen=[-2, 0]),
        cell(edges=[(0, 1)]),
        cell(edges=[(0, 1), (2, 2)]),
        cell(edges=[(0, 1), (-1, 2)]),
        cell(operations=["none"]),
        cell(extras={"concentration": [[1.0, 1.0]]}),
    ],
    ids=str,
)
def test_a_value_of_an_impossible_size_is_no_event(payload: dict[str, Any]) -> None:
    """Readers compute with these values: an infinite duration cannot be shown, a missing column cannot be indexed."""
    assert decode(line(cell())) is not None
    assert decode(line(payload)) is None


def test_a_deeply_nested_value_is_no_event() -> None:
    name = r"\udcff"  # a lone surrogate, as in a file name that is not text, is read by another parser
    shallow, deep = ("[" * depth + f'"{name}"' + "]" * depth for depth in (20, 700))
    assert decode(f'{{"t": 1, "n": 1, "type": "interim", "extras": {{"a": {shallow}}}}}') is not None
    assert decode(f'{{"t": 1, "n": 1, "type": "interim", "extras": {{"a": {deep}}}}}') is None


@pytest.mark.parametrize(
    "text", [b"", b"\n", b"null", b"[]", b"5", b'"x"', b"{}", b"{", b"\xff\xfe{", b"[" * 100_000, b"9" * 10_000]
)
def test_garbage_is_no_event(text: bytes) -> None:
    assert decode(text) is None


@given(st.binary() | st.text())
def test_decoding_never_raises(text: bytes | str) -> None:
    decode(text)


@given(st.sampled_from(EVENT_TYPES), st.data())
def test_decoding_never_raises_whatever_the_fields_hold(name: str, data: st.DataObject) -> None:
    kind = next(kind for kind in PAYLOADS if kind.type == name)
    fields = {field.name: data.draw(json_values, field.name) for field in dataclasses.fields(kind)}
    decode(line(fields | {"type": name}, t=data.draw(whole | number), n=data.draw(whole | number)))


@given(events([Progress, Started, Failed]), st.data())
def test_decoding_never_raises_on_a_damaged_line(event: Event, data: st.DataObject) -> None:
    text = bytearray(encode(Entry(1.5, 7, event)).encode())
    text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    decode(bytes(text))
