"""An engine refuses changed data, whoever starts it, and tells what it goes on with."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import process
from engine.core.run_inputs import RunInputs
from engine.core.stop_signals import StopRequest
from runs.configuration import Draft, RunConfig, resolve
from runs.errors import EnvironmentLacksError
from runs.home import Home, RunPaths
from runs.log.event_log import EventLogReader
from runs.log.events import Event, Failed, Warned
from runs.store import input_check, inputs
from runs.store.labels import Labels
from runs.store.run_store import RunStore


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for part in ("train", "test"):
        for name in ("cat", "dog"):
            folder = tmp_path / "images" / part / name
            folder.mkdir(parents=True)
            (folder / "0.png").touch()
    return tmp_path / "images"


@pytest.fixture
def run(home: Home, images: Path) -> tuple[RunConfig, RunPaths]:
    """A run that has a record and an empty checkpoint."""
    config = resolve(Draft(method="drnas", preset="quick", dataset=str(images)))
    paths = RunStore(home).create(config, Labels())
    inputs.examine(config, home).write(paths.inputs)
    paths.checkpoint.touch()
    return config, paths


def recorded(home: Home, run: tuple[RunConfig, RunPaths], *, begun: bool) -> list[Event]:
    """Return what an engine says that accepts changed data."""
    said: list[Event] = []
    input_check.verify(run[1], run[0], home, accept_changed=True).accept(run[1])
    found = RunInputs(run[1], run[0], home)
    assert found.are_accepted == begun
    found.record(said.append, begun=begun)
    assert not run[1].accepted.exists()
    return said


def test_changed_data_are_refused_before_they_are_opened(run: tuple[RunConfig, RunPaths], images: Path) -> None:
    (images / "train/cat/1.png").touch()
    assert process.run(run[1].root, StopRequest()) == 5
    (entry,) = EventLogReader(run[1].events).read()
    assert isinstance(entry.event, Failed)
    assert "1 file added (train/cat/1.png)" in entry.event.error
    assert "--accept-changed-data" in entry.event.hint


def test_accepted_data_are_told_once_and_recorded(home: Home, run: tuple[RunConfig, RunPaths], images: Path) -> None:
    (images / "train/cat/1.png").touch()
    assert recorded(home, run, begun=True) == [
        Warned("changed_data", "Went on with changed data: 1 file added (train/cat/1.png).")
    ]
    assert recorded(home, run, begun=True) == []


def test_what_changes_after_it_was_accepted_is_refused(
    home: Home, run: tuple[RunConfig, RunPaths], images: Path
) -> None:
    (images / "train/cat/1.png").touch()
    input_check.verify(run[1], run[0], home, accept_changed=True).accept(run[1])
    (images / "train/cat/2.png").touch()
    with pytest.raises(EnvironmentLacksError, match="2 files added"):
        RunInputs(run[1], run[0], home)


def test_a_run_of_an_older_version_gets_a_record(home: Home, run: tuple[RunConfig, RunPaths]) -> None:
    run[1].inputs.unlink()
    assert recorded(home, run, begun=True) == []
    assert run[1].inputs.exists()


def test_a_new_run_tells_what_is_left_out(home: Home, run: tuple[RunConfig, RunPaths], images: Path) -> None:
    run[1].checkpoint.unlink()
    (images / "train/cat/notes.txt").touch()
    (warned,) = recorded(home, run, begun=False)
    assert isinstance(warned, Warned) and warned.kind == "left_out" and "(.txt 1)" in warned.message
