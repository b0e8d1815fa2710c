"""Which requests a run accepts depends on its status; a refusal says what to do instead."""

from __future__ import annotations

import sys

import pytest

from runs import detached
from runs.configuration import Draft
from runs.errors import BusyError, NastuiError, UsageError
from runs.home import Home
from runs.log.event_log import EventLog
from runs.log.events import Paused
from runs.store import requests
from runs.store.lock import engine_lock
from runs.store.record import Record
from runs.store.requests import Request
from runs.store.run_store import RunStore
from runs.store.status import Status
from runs.supervision import engine_requests, launching, new_run, resuming, stopping
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
        new_run.start(RunStore(home), draft)
    assert RunStore(home).records() == []


def test_asking_an_engine_that_is_not_there(record: Record, finished: Record) -> None:
    assert stopping.stop(record) is Status.LOST
    assert stopping.stop(finished) is Status.FINISHED
    for ask in (engine_requests.pause, engine_requests.checkpoint):
        with pytest.raises(UsageError, match="is lost"):
            ask(record)
    assert requests.waiting(record.paths.requests) == []


def test_a_finished_run_is_repeated_and_not_resumed(finished: Record) -> None:
    with pytest.raises(UsageError, match="nastui search drnas"):
        resuming.resume(finished)


def test_a_running_run_is_not_started_again(record: Record) -> None:
    with engine_lock(record.paths.lock):
        with pytest.raises(BusyError, match="is running"):
            resuming.resume(record)
        with pytest.raises(BusyError, match="already has an engine"):
            launching.launch(record.paths)


def test_a_run_with_a_broken_configuration_is_not_resumed(record: Record) -> None:
    record.paths.config.write_text("{}")
    with pytest.raises(UsageError, match=r"config\.json"):
        resuming.resume(record)


def test_an_engine_that_does_not_answer_is_told_of_and_the_request_waits(record: Record) -> None:
    with engine_lock(record.paths.lock):
        with pytest.raises(BusyError, match="has not answered"):
            engine_requests.pause(record, patience=0)
        assert requests.take(record.paths.requests) == [Request.PAUSE]
        with pytest.raises(BusyError, match="it is stopping"):
            stopping.stop(record, patience=0)
        engine_requests.checkpoint(record)
        assert requests.take(record.paths.requests) == [Request.STOP, Request.CHECKPOINT]


def test_a_paused_engine_is_woken_and_not_started_anew(record: Record) -> None:
    with engine_lock(record.paths.lock), EventLog(record.paths.events) as event_log:
        event_log.append(Paused())
        with pytest.raises(BusyError, match="it is paused"):
            resuming.resume(record, patience=0)
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
        launching.launch(paths)
    record = RunStore(home).find(config.id)
    assert record.status is Status.FAILED
    assert "another program" in record.summary.problem
