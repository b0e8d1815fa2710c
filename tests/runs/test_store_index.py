"""The index only makes listing fast: the directories are authoritative, and no damage to the index loses a run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runs.configuration import RunConfig
from runs.home import Home
from runs.log.event_log import EventLog
from runs.log.events import Progress
from runs.store import index, run_states
from runs.store.lock import engine_lock
from runs.store.run_store import RunStore
from tests.runs.stores import listed
from tests.synthetic import make_run


def counted_reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return a list to which every log and configuration that is opened is added."""
    opened: list[Path] = []
    read_config, reader = RunConfig.read, run_states.EventLogReader

    def noting_config(path: Path) -> RunConfig:
        opened.append(path)
        return read_config(path)

    class NotingReader(reader):  # type: ignore[misc, valid-type]
        def __init__(self, path: Path, offset: int = 0) -> None:
            opened.append(path)
            super().__init__(path, offset)

    monkeypatch.setattr(RunConfig, "read", noting_config)
    monkeypatch.setattr(run_states, "EventLogReader", NotingReader)
    return opened


def test_a_second_listing_reads_no_run(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for done in (0, 1, 2):
        make_run(home.root, epochs=2, done=done)
    first = listed(home)
    opened = counted_reads(monkeypatch)
    written = home.index.stat().st_mtime_ns
    assert listed(home) == first
    assert opened == []
    assert home.index.stat().st_mtime_ns == written


def test_only_what_changed_is_read_and_from_where_it_changed(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    make_run(home.root)
    _, paths = make_run(home.root, epochs=4, done=2)
    viewer = RunStore(home)
    viewer.records()
    with EventLog(paths.events) as event_log:
        event_log.append(Progress(epoch=3, epochs=4))
    opened = counted_reads(monkeypatch)
    viewer.records()
    assert opened == [paths.events]
    assert listed(home)[paths.root.name] == repr(viewer.find(paths.root.name))


def test_a_log_that_was_replaced_by_a_shorter_one_is_read_anew(home: Home) -> None:
    config, paths = make_run(home.root)
    viewer = RunStore(home)
    viewer.records()
    paths.events.write_bytes(paths.events.read_bytes().partition(b"\n")[0] + b"\n")
    (record,) = viewer.records()
    assert (record.summary.epoch, record.summary.lifecycle) == (0, "started")
    assert listed(home)[config.id] == repr(record)


def test_a_live_run_does_not_wear_out_the_index(home: Home) -> None:
    _, paths = make_run(home.root, epochs=4, done=2)
    viewer = RunStore(home)
    viewer.records()
    written = home.index.stat().st_mtime_ns
    with engine_lock(paths.lock), EventLog(paths.events) as event_log:
        for step in range(3):
            event_log.append(Progress(step=step))
            viewer.records()
    assert home.index.stat().st_mtime_ns == written


def delete(path: Path) -> None:
    path.unlink()


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def garbage(path: Path) -> None:
    path.write_bytes(os.urandom(5000))


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def text(content: str) -> Any:
    return lambda path: path.write_text(content)


@pytest.mark.parametrize(
    "damage",
    [
        delete,
        truncate,
        empty,
        garbage,
        a_folder,
        *map(text, ["null", "[]", "{}", "5", '{"runs": []}', '{"runs": {"1": 5}}', '{"runs": {"x": {}}}', "[" * 9999]),
        text('{"runs": {"1": {"id": "x", "schema": 4}}}'),
    ],
)
def test_a_damaged_index_is_rebuilt(home: Home, damage: Any) -> None:
    for done in (0, 2):
        make_run(home.root, epochs=2, done=done, name="kept", tags=["kept"])
    before = listed(home)
    damage(home.index)
    assert listed(home) == before
    assert listed(home) == before


def test_an_index_of_a_newer_schema_is_rebuilt(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    make_run(home.root)
    with monkeypatch.context() as newer:
        newer.setattr(index, "SCHEMA_VERSION", index.SCHEMA_VERSION + 1)
        before = listed(home)
    assert index.Index(home.index, home.index_lock).read() == {}
    assert listed(home) == before
    assert len(index.Index(home.index, home.index_lock).read()) == 1


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, dict[str, str], bytes]:
    home = Home(tmp_path_factory.mktemp("damaged"))
    for done in (0, 1, 2):
        make_run(home.root, epochs=2, done=done, name="kept")
    before = listed(home)
    return home, before, home.index.read_bytes()


@settings(max_examples=60)
@given(st.data())
def test_nothing_is_lost_to_any_bytes_in_the_index(
    damaged: tuple[Home, dict[str, str], bytes], data: st.DataObject
) -> None:
    home, before, whole = damaged
    start = data.draw(st.integers(0, len(whole)), "start")
    end = data.draw(st.integers(start, min(start + 40, len(whole))), "end")
    instead = data.draw(st.binary(max_size=40) | st.text("0123456789", max_size=3).map(str.encode), "instead")
    home.index.write_bytes(whole[:start] + instead + whole[end:])
    assert listed(home) == before


@pytest.mark.parametrize("blocked", ["index", "index_lock"])
def test_listing_works_where_the_index_cannot_be_written(home: Home, blocked: str) -> None:
    make_run(home.root)
    before = listed(home)
    for path in (home.index, home.index_lock):
        path.unlink(missing_ok=True)
    getattr(home, blocked).mkdir()
    assert listed(home) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_listing_works_in_a_folder_without_write_permission(home: Home) -> None:
    make_run(home.root)
    home.root.chmod(0o500)
    assert len(listed(home)) == 1


def test_reindexing_counts_the_runs(home: Home) -> None:
    for _ in range(3):
        make_run(home.root, done=0)
    before = listed(home)
    assert RunStore(home).reindex() == 3
    assert listed(home) == before
