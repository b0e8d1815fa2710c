"""The event log on disk: what a reader sees while a writer runs, dies and comes back."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from runs.log.event_log import EventLog, EventLogReader
from runs.log.events import EpochEnded, Event, Failed, Paused, Progress, Started, Unknown, Warned


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def write(log: Path, *events: Event) -> None:
    with EventLog(log) as event_log:
        for event in events:
            event_log.append(event)


def add(log: Path, text: bytes) -> None:
    with log.open("ab") as stream:
        stream.write(text)


def read(reader: EventLogReader) -> list[Event]:
    return [entry.event for entry in reader.read()]


def epochs(*numbers: int) -> list[Event]:
    return [EpochEnded(epoch=number) for number in numbers]


def test_events_come_back_in_order_with_their_numbers_and_times(log: Path) -> None:
    with EventLog(log, number=41) as event_log:
        event_log.append(Started({"device": "cpu"}))
        event_log.append(Paused())
        assert event_log.number == 43
    entries = list(EventLogReader(log).read())
    assert [entry.number for entry in entries] == [42, 43]
    assert [entry.event for entry in entries] == [Started({"device": "cpu"}), Paused()]
    assert entries[0].time <= entries[1].time


def test_a_log_that_is_not_there_has_no_events(log: Path) -> None:
    assert read(EventLogReader(log)) == []


def test_a_reader_yields_each_event_once(log: Path) -> None:
    reader = EventLogReader(log)
    write(log, *epochs(1, 2))
    assert read(reader) == epochs(1, 2)
    assert read(reader) == []
    write(log, *epochs(3))
    assert read(reader) == epochs(3)
    assert reader.offset == log.stat().st_size


def test_another_reader_goes_on_from_an_offset(log: Path) -> None:
    first = EventLogReader(log)
    write(log, *epochs(1, 2))
    read(first)
    write(log, *epochs(3))
    assert read(EventLogReader(log, first.offset)) == epochs(3)


@pytest.mark.parametrize("kept", [1, 10, -2, -1])
def test_a_half_written_line_waits_until_it_is_whole(log: Path, kept: int) -> None:
    write(log, *epochs(1, 2))
    whole = log.read_bytes()
    first = whole.index(b"\n") + 1
    second = whole[first:]
    log.write_bytes(whole[:first] + second[:kept])
    reader = EventLogReader(log)
    assert read(reader) == epochs(1)
    assert read(reader) == []
    assert reader.offset == first
    add(log, second[kept:])
    assert read(reader) == epochs(2)
    assert reader.malformed == 0


def test_a_writer_after_a_torn_line_begins_a_fresh_one(log: Path) -> None:
    write(log, *epochs(1))
    add(log, b'{"v": 1, "t": 1.0, "n": 2, "ty')
    reader = EventLogReader(log)
    assert read(reader) == epochs(1)
    write(log, *epochs(2))
    assert read(reader) == epochs(2)
    assert reader.malformed == 1


def test_a_writer_leaves_a_whole_log_as_it_is(log: Path) -> None:
    write(log, *epochs(1))
    before = log.read_bytes()
    write(log)
    assert log.read_bytes() == before


def test_garbage_is_counted_and_skipped(log: Path) -> None:
    write(log, *epochs(1))
    add(log, b'garbage\n\n   \n{"a": 1}\n\x00\xff\xfe\n[1, 2]\n')
    write(log, *epochs(2))
    reader = EventLogReader(log)
    assert read(reader) == epochs(1, 2)
    assert reader.malformed == 4, "blank lines are none"


def test_unknown_types_and_newer_versions_are_read_on(log: Path) -> None:
    write(log, *epochs(1))
    add(log, b'{"v": 99, "t": 1, "n": 2, "type": "dreamt", "of": "sheep"}\n')
    add(log, b'{"v": 99, "t": 1, "n": 3, "type": "epoch", "epoch": 2, "mood": "good"}\n')
    reader = EventLogReader(log)
    assert read(reader) == [*epochs(1), Unknown("dreamt", {"of": "sheep"}), *epochs(2)]
    assert reader.malformed == 0


def test_a_log_that_has_shrunk_is_read_again(log: Path) -> None:
    write(log, *epochs(1, 2, 3))
    add(log, b"garbage\n")
    reader = EventLogReader(log)
    read(reader)
    assert not reader.restarted
    log.unlink()
    write(log, *epochs(7))
    assert read(reader) == epochs(7)
    assert reader.restarted
    assert reader.malformed == 0
    write(log, *epochs(8))
    assert read(reader) == epochs(8)
    assert not reader.restarted


def test_metrics_that_are_no_numbers_survive(log: Path) -> None:
    write(log, EpochEnded(epoch=1, metrics={"train_loss": math.nan, "gap": -math.inf}))
    (event,) = read(EventLogReader(log))
    assert isinstance(event, EpochEnded)
    assert math.isnan(event.metrics["train_loss"])
    assert event.metrics["gap"] == -math.inf


def test_a_huge_line_is_one_event(log: Path) -> None:
    write(log, Failed(error="x" * 20_000_000), *epochs(1))
    failed, epoch = read(EventLogReader(log))
    assert isinstance(failed, Failed)
    assert len(failed.error) == 20_000_000
    assert epoch == EpochEnded(epoch=1)


@pytest.mark.parametrize(
    "text", ["two\nlines\r\n", "[red]markup[/]", "\x1b[2J\x00", "漢字 🙂", "name \udcff no text", "\u2028"]
)
def test_any_text_stays_on_its_line(log: Path, text: str) -> None:
    write(log, Warned("odd", text), *epochs(1))
    assert read(EventLogReader(log)) == [Warned("odd", text), *epochs(1)]
    log.read_bytes().decode()  # and the file is valid UTF-8 for every other reader


def test_the_log_may_be_followed_while_progress_is_written(log: Path) -> None:
    reader = EventLogReader(log)
    with EventLog(log) as event_log:
        for step in range(50):
            event_log.append(Progress(step=step))
            assert read(reader) == [Progress(step=step)]
