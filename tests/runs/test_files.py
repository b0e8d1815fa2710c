"""Files are replaced as a whole or not at all, whatever the disk does."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from runs import files
from runs.configuration import Draft, resolve
from runs.errors import EnvironmentLacksError
from runs.home import Home
from runs.log.event_log import EventLog, EventLogReader
from runs.log.events import Stopped
from runs.store import requests
from runs.store.export import export
from runs.store.labels import Labels
from runs.store.run_store import RunStore
from runs.supervision import new_run
from tests.synthetic import make_run


class FullDisk(files.Disk):
    """A disk that is full after so many bytes."""

    def __init__(self, left: int) -> None:
        self.left = left

    def write(self, descriptor: int, content: bytes | memoryview) -> int:
        if not self.left:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = super().write(descriptor, memoryview(content)[: self.left])
        self.left -= written
        return written


@pytest.mark.parametrize("left", [0, 1, 9_999])
def test_a_full_disk_leaves_the_old_content_and_no_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    monkeypatch.setattr(files, "disk", FullDisk(left))
    with pytest.raises(OSError, match="No space left"):
        files.replace_text(path, "new" * 10_000)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("left", [0, 500, 3_000])
def test_a_full_disk_creates_no_run(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: int) -> None:
    weights = tmp_path / "weights.pt"
    weights.write_bytes(bytes(10_000))
    config = resolve(Draft(method="drnas", preset="quick")).model_copy(update={"weights": weights.name})
    monkeypatch.setattr(files, "disk", FullDisk(left))
    with pytest.raises(EnvironmentLacksError, match="No space left"):
        new_run.create_directory(RunStore(home), config, Labels(), weights)
    assert list(home.runs.iterdir()) == []


@pytest.mark.parametrize("left", [0, 2_000, 10_000])
def test_a_full_disk_exports_nothing(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: int) -> None:
    _, paths = make_run(home.root)
    record = RunStore(home).find(paths.root.name)
    monkeypatch.setattr(files, "disk", FullDisk(left))
    with pytest.raises(EnvironmentLacksError, match="No space left"):
        export(record, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize("left", [0, 1, 30])
def test_a_full_disk_loses_one_event_and_not_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    path = tmp_path / "events.jsonl"
    with EventLog(path) as log:
        log.append(Stopped("first"))
        monkeypatch.setattr(files, "disk", FullDisk(left))
        with pytest.raises(EnvironmentLacksError, match=r"event log .* No space left .* Free some space"):
            log.append(Stopped("second"))
        monkeypatch.setattr(files, "disk", files.Disk())
        log.append(Stopped("third"))
    assert [entry.event for entry in EventLogReader(path).read()] == [Stopped("first"), Stopped("third")]


class TestKilledWriters:
    """The temporary files of killed writers do not stay for ever."""

    def test_the_next_writer_of_labels_and_of_the_index_removes_them(self, home: Home) -> None:
        _, paths = make_run(home.root)
        left = [paths.labels.with_name(".labels.json.0a"), home.index.with_name(".index.json.0a")]
        for path in left:
            path.write_text("half")
        store = RunStore(home)
        store.label(store.find(paths.root.name), lambda labels: labels.tags.append("t"))
        store.records()
        assert not any(path.exists() for path in left)

    def test_half_created_runs_are_removed_after_an_hour(self, home: Home) -> None:
        make_run(home.root)
        fresh, old = home.runs / ".fresh-drnas-nasbench201", home.runs / ".old-drnas-nasbench201"
        for folder in (fresh, old):
            folder.mkdir()
            (folder / "config.json").write_text("half")
        os.utime(old, (0, 0))
        make_run(home.root)
        assert fresh.exists()
        assert not old.exists()

    def test_a_request_is_written_without_a_temporary_file(self, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
        _, paths = make_run(home.root)
        monkeypatch.setattr(files.disk, "replace", None)
        requests.send(paths.requests, requests.Request.STOP)
        assert requests.take(paths.requests) == [requests.Request.STOP]
