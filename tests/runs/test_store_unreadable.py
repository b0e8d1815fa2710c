"""Runs that cannot be read are named, and hide no other."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from runs.configuration import RunConfig
from runs.errors import NotFoundError, UsageError
from runs.home import Home, RunPaths
from runs.store.run_store import RunStore
from tests.runs.stores import listed
from tests.synthetic import make_run


def break_config(paths: RunPaths, content: str | None) -> str:
    if content is None:
        paths.config.unlink()
    else:
        paths.config.write_text(content)
    return paths.root.name


def without(paths: RunPaths, key: str) -> str:
    return json.dumps({name: value for name, value in json.loads(paths.config.read_text()).items() if name != key})


@pytest.mark.parametrize("content", [None, "", "garbage", "[]", "{}", "\x00"])
def test_a_run_whose_configuration_cannot_be_read_is_named_and_skipped(home: Home, content: str | None) -> None:
    good, _ = make_run(home.root)
    broken = break_config(make_run(home.root)[1], content)
    viewer = RunStore(home)
    assert [record.id for record in viewer.records()] == [good.id]
    assert set(viewer.unreadable) == {broken}
    with pytest.raises(UsageError, match=r"config\.json"):
        viewer.find(broken)


def test_a_configuration_that_lacks_a_key_is_refused_by_that_key(home: Home) -> None:
    _, paths = make_run(home.root)
    broken = break_config(paths, without(paths, "method"))
    with pytest.raises(UsageError, match="method"):
        RunStore(home).find(broken)


def test_a_configuration_of_a_newer_version_is_read(home: Home) -> None:
    _, paths = make_run(home.root)
    raw = json.loads(paths.config.read_text()) | {"version": 99, "invented": [1]}
    paths.config.write_text(json.dumps(raw))
    assert list(listed(home)) == [paths.root.name]


def test_what_is_unreadable_does_not_wear_out_the_index_and_is_forgotten_once_it_is_gone(home: Home) -> None:
    make_run(home.root)
    _, paths = make_run(home.root)
    whole = paths.config.read_text()
    break_config(paths, "garbage")
    viewer = RunStore(home)
    viewer.records()
    written = home.index.stat().st_mtime_ns
    viewer.records()
    assert home.index.stat().st_mtime_ns == written
    paths.config.write_text(whole)
    assert len(viewer.records()) == 2
    assert viewer.unreadable == {}
    break_config(paths, "garbage")
    viewer.records()
    shutil.rmtree(paths.root)
    viewer.records()
    assert viewer.unreadable == {}


def test_a_log_that_cannot_be_opened_does_not_hide_the_other_runs(home: Home) -> None:
    good, _ = make_run(home.root)
    broken, paths = make_run(home.root, done=0)
    paths.events.mkdir()
    viewer = RunStore(home)
    assert [record.id for record in viewer.records()] == [good.id]
    assert "events.jsonl" in viewer.unreadable[broken.id]


def test_a_run_that_is_removed_while_it_is_read_is_not_there(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    config, _ = make_run(home.root)
    read = RunConfig.read

    def removing(path: Path) -> RunConfig:
        shutil.rmtree(path.parent, ignore_errors=True)
        return read(path)

    monkeypatch.setattr(RunConfig, "read", removing)
    with pytest.raises(NotFoundError, match="no longer there"):
        RunStore(home).find(config.id)
    make_run(home.root)
    viewer = RunStore(home)
    assert viewer.records() == []
    assert viewer.unreadable == {}


def test_a_run_that_is_restored_while_it_is_read_is_there(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    config, paths = make_run(home.root)
    read, away = RunConfig.read, home.root / "away"
    reads: list[Path] = []

    def restored_too_late(path: Path) -> RunConfig:
        reads.append(path)
        if len(reads) > 1:
            return read(path)
        paths.root.rename(away)
        try:
            return read(path)
        finally:
            away.rename(paths.root)

    monkeypatch.setattr(RunConfig, "read", restored_too_late)
    viewer = RunStore(home)
    assert [record.id for record in viewer.records()] == [config.id]
    assert viewer.unreadable == {}


def test_strangers_among_the_runs_are_named_and_hidden_ones_ignored(home: Home) -> None:
    config, _ = make_run(home.root)
    (home.runs / "notes.txt").touch()
    (home.runs / ".DS_Store").touch()
    (home.runs / ".half-built").mkdir()
    viewer = RunStore(home)
    assert [record.id for record in viewer.records()] == [config.id]
    assert set(viewer.unreadable) == {"notes.txt"}
