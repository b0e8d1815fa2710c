"""Pictures of the Runs and New run screens at 80 x 24; `pytest --snapshot-update` after a wanted change."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from nastui.app import NastuiApp
from runs.home import Home
from screens.starting.new_run import NewRunScreen
from tests.synthetic import make_run

SnapCompare = Callable[..., bool]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A store whose ids are counted."""
    numbers = itertools.count(1)
    monkeypatch.setattr("secrets.token_hex", lambda size: f"{next(numbers):08x}"[::-1])
    fill(tmp_path)
    return Home(tmp_path)


def fill(root: Path) -> None:
    """Leave runs of the future in a store, so that they never age."""
    for place, (name, tags, epochs, done) in enumerate(
        (
            ("", [], 600, 117),
            ("first try", [], 5, 5),
            ("[kl] regulariser", ["kl", "seed-3"], 30, 30),
            ("", ["paper"], 9, 0),
        )
    ):
        _, paths = make_run(root, name=name, tags=tags, epochs=epochs, done=done)
        raw = json.loads(paths.config.read_text())
        paths.config.write_text(json.dumps(raw | {"created": f"2999-01-0{place + 1}T00:00:00+00:00", "device": "cpu"}))


def test_runs(home: Home, snap_compare: SnapCompare) -> None:
    async def to_a_finished_run(pilot: Pilot[Any]) -> None:
        await pilot.pause(1.0)
        await pilot.press("j")
        await pilot.pause(0.2)

    assert snap_compare(NastuiApp(home), terminal_size=(80, 24), run_before=to_a_finished_run)


def test_new_run(home: Home, monkeypatch: pytest.MonkeyPatch, snap_compare: SnapCompare) -> None:
    monkeypatch.setattr("runs.machine.devices.gpus", list)
    app = NastuiApp(home)

    async def with_a_fault(pilot: Pilot[Any]) -> None:
        await app.push_screen(NewRunScreen(app.store, preset="quick"))
        await pilot.pause(1.0)
        for line in app.screen.query(Input):
            line.cursor_blink = False
        app.screen.query_one("#field-cells Input").focus()
        await pilot.press("9", "9")
        await pilot.pause(1.0)

    assert snap_compare(app, terminal_size=(80, 24), run_before=with_a_fault)
