"""A stalled run on the screens: what it did last, and the key that ends it; and a damaged checkpoint on a resume."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest

from nastui.app import NastuiApp
from runs.home import Home, RunPaths
from runs.store.activity import Activity, boot_id
from runs.store.checkpoint_file import Sealed
from runs.store.record import Record
from runs.store.status import Status
from runs.supervision import resuming, stopping
from screens.widgets.confirm import Confirm
from screens.widgets.header import Header
from tests.screens.driving import engine, opened, text, until
from tests.synthetic import make_run


def stall(paths: RunPaths) -> None:
    """Let the engine of a run, which is this process, have done nothing for ten minutes."""
    ago = 600.0
    activity = Activity(
        "writing a checkpoint",
        time.time() - ago,
        time.monotonic() - ago,
        boot_id(),
        socket.gethostname(),
        os.getpid(),
        usual=1.0,
        limit=300.0,
        epoch=2,
        units=60,
    )
    paths.activity.write_bytes(activity.encoded())


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The requests that reach the engine."""
    asked: list[str] = []

    def kill(record: Record) -> Status:
        asked.append("kill")
        return Status.STOPPED

    monkeypatch.setattr(stopping, "kill", kill)
    return asked


async def test_the_run_screen_says_what_it_did_last_and_offers_to_kill_it(home: Home, asked: list[str]) -> None:
    config, paths = make_run(home.root, epochs=5, done=2, ended=False)
    stall(paths)
    with engine(paths):
        app = NastuiApp(home, config.id)
        async with app.run_test(size=(120, 40)) as pilot:
            screen = await opened(pilot)
            shown = text(screen, Header)
            assert "! stalled" in shown
            assert "no progress for 10m 0" in shown
            assert "writing a checkpoint, in epoch 3, after 60 units" in shown
            await pilot.press("x")
            await until(pilot, lambda: isinstance(app.screen, Confirm))
            await pilot.press("y")
            await until(pilot, lambda: asked == ["kill"])


async def test_it_is_called_stalled_no_longer_once_it_goes_on(home: Home) -> None:
    config, paths = make_run(home.root, epochs=5, done=2, ended=False)
    stall(paths)
    with engine(paths):
        app = NastuiApp(home, config.id)
        async with app.run_test(size=(120, 40)) as pilot:
            screen = await opened(pilot)
            assert "! stalled" in text(screen, Header)
            paths.activity.unlink()
            await until(pilot, lambda: "● running" in text(screen, Header))


async def test_a_damaged_checkpoint_is_told_and_the_one_before_offered(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, paths = make_run(home.root, epochs=5, done=2, ended=False)
    paths.lock.touch()
    write(paths.checkpoint)
    write(paths.previous_checkpoint)
    content = paths.checkpoint.read_bytes()
    paths.checkpoint.write_bytes(b"x" + content[1:])
    started: list[RunPaths] = []

    def launch(paths: RunPaths, *_: object) -> int:
        started.append(paths)
        return 0

    monkeypatch.setattr(resuming, "launch", launch)
    monkeypatch.setattr(resuming.input_check, "verify", lambda *_, **__: None)
    app = NastuiApp(home, config.id)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("R")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        assert not started
        await pilot.press("y")
        await until(pilot, lambda: len(started) == 1)
    assert paths.checkpoint.read_bytes() == content


def write(file: Path) -> None:
    with file.open("wb") as stream:
        sealed = Sealed(stream)
        sealed.write(bytes(1000))
        sealed.seal()
