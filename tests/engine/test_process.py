"""How an engine ends when the disk is full: with a sentence, in the log if that can still be written."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from engine import process
from engine.core.stop_signals import StopRequest
from runs import files
from runs.log.event_log import EventLogReader
from runs.log.events import Failed
from tests.runs.test_files import FullDisk
from tests.synthetic import make_run


@pytest.fixture
def fault() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "genotype.json")


def _ended(root: Path, fault: OSError, monkeypatch: pytest.MonkeyPatch, left: int) -> list[Failed]:
    """Return the failures in the log of a run that meets this fault when so many bytes are left on the disk."""

    def fail(*_: object) -> None:
        raise fault

    monkeypatch.setattr(process, "Worker", fail)
    _, paths = make_run(root, done=0)
    monkeypatch.setattr(files, "disk", FullDisk(left))
    assert process.run(paths.root, StopRequest()) == 5
    return [entry.event for entry in EventLogReader(paths.events).read() if isinstance(entry.event, Failed)]


def test_the_log_says_what_cannot_be_written(
    tmp_path: Path, fault: OSError, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (failed,) = _ended(tmp_path, fault, monkeypatch, 10**6)
    assert failed.error == "'genotype.json' cannot be written: No space left on device."
    assert "then resume" in failed.hint
    assert not failed.traceback
    assert capfd.readouterr().err == ""


def test_if_the_log_cannot_be_written_either_the_engine_says_so(
    tmp_path: Path, fault: OSError, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert _ended(tmp_path, fault, monkeypatch, 0) == []
    assert capfd.readouterr().err.startswith("The event log ")
