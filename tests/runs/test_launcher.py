"""Which requests a run accepts depends on its status; a refusal says what to do instead."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from runs import detached
from runs.configuration import Draft
from runs.errors import BusyError, NastuiError, UsageError
from runs.home import Home, RunPaths
from runs.log.event_log import EventLog
from runs.log.events import Paused
from runs.store import requests
from runs.store.lock import engine_lock
from runs.store.record import Record
from runs.store.requests import Request
from runs.store.run_store import RunStore
from runs.store.status import Status
from runs.supervision import launcher
from tests.synthetic import make_run


@pytest.fixture
def record(home: Home) -> Record:
    """A run whose engine was killed half-way."""
    config, _ = make_run(home.root, epochs=4, done=2)
    return RunStore(home).find(config.id)


@pytest.fixture
def finished(home: Home) -> Record:
    config, _ = make_run(home.root)
    return RunStore(home).find(config.id)


@pytest.mark.parametrize(
    "draft",
    [
        Draft(method="drnas", options={"epochs": 0}),
        Draft(method="drnas", name="\x1b[2J"),
        Draft(method="drnas", tags=("two words",)),
        Draft(method="drnas", device="tpu"),
    ],
)
def test_a_wrong_draft_starts_and_creates_nothing(home: Home, draft: Draft) -> None:
    with pytest.raises(UsageError):
        launcher.start(RunStore(home), draft)
    assert RunStore(home).records() == []


def test_asking_an_engine_that_is_not_there(record: Record, finished: Record) -> None:
    assert launcher.stop(record) is Status.LOST
    assert launcher.stop(finished) is Status.FINISHED
    for ask in (launcher.pause, launcher.checkpoint):
        with pytest.raises(UsageError, match="is lost"):
            ask(record)
    assert requests.waiting(record.paths.requests) == []


def test_a_finished_run_is_repeated_and_not_resumed(finished: Record) -> None:
    with pytest.raises(UsageError, match="nastui search drnas"):
        launcher.resume(finished)


def test_a_running_run_is_not_started_again(record: Record) -> None:
    with engine_lock(record.paths.lock):
        with pytest.raises(BusyError, match="is running"):
            launcher.resume(record)
        with pytest.raises(BusyError, match="already has an engine"):
            launcher.launch(record.paths)


def test_a_run_with_a_broken_configuration_is_not_resumed(record: Record) -> None:
    record.paths.config.write_text("{}")
    with pytest.raises(UsageError, match=r"config\.json"):
        launcher.resume(record)


def test_an_engine_that_does_not_answer_is_told_of_and_the_request_waits(record: Record) -> None:
    with engine_lock(record.paths.lock):
        with pytest.raises(BusyError, match="has not answered"):
            launcher.pause(record, patience=0)
        assert requests.take(record.paths.requests) == [Request.PAUSE]
        with pytest.raises(BusyError, match="it is stopping"):
            launcher.stop(record, patience=0)
        launcher.checkpoint(record)
        assert requests.take(record.paths.requests) == [Request.STOP, Request.CHECKPOINT]


def test_a_paused_engine_is_woken_and_not_started_anew(record: Record) -> None:
    with engine_lock(record.paths.lock), EventLog(record.paths.events) as event_log:
        event_log.append(Paused())
        with pytest.raises(BusyError, match="it is paused"):
            launcher.resume(record, patience=0)
        assert requests.take(record.paths.requests) == [Request.CONTINUE]


@pytest.mark.parametrize("code", [0, 3])
def test_a_child_that_was_something_else_is_not_taken_for_an_engine(
    home: Home, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Its exit code proves nothing, and the run does not stay queued for ever."""
    config, paths = make_run(home.root, done=0)
    paths.lock.unlink(missing_ok=True)
    paths.events.unlink(missing_ok=True)
    other = [sys.executable, "-c", f"print('another program'); raise SystemExit({code})"]
    monkeypatch.setattr(detached, "command", lambda *words: other)
    with pytest.raises(NastuiError, match="ended at once: another program"):
        launcher.launch(paths)
    record = RunStore(home).find(config.id)
    assert record.status is Status.FAILED
    assert "another program" in record.summary.problem


def test_the_end_of_the_log_is_readable_whatever_it_holds(tmp_path: Path) -> None:
    paths = RunPaths(tmp_path)
    assert launcher.log_end(paths) == ""
    paths.log.write_bytes(b"\xff" * 1000 + b"\nRuntimeError: out of memory\n")
    assert launcher.log_end(paths, limit=40).endswith("RuntimeError: out of memory")
