"""Every pane of every screen with a hostile store: its text is shown as text, and none of it is interpreted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input

from nastui.app import NastuiApp
from runs.home import Home
from screens.compare.screen import CompareScreen
from screens.genotypes.cells import CellsScreen
from screens.genotypes.screen import GenotypesScreen
from screens.pictures import screen_strips
from screens.run.screen import RunScreen
from screens.runs.screen import RunsScreen
from screens.starting.new_run import NewRunScreen
from screens.starting.retrain import RetrainScreen
from screens.widgets.compared_runs import ComparedRuns
from screens.widgets.genotype_detail import GenotypeDetail
from tests.hostile import EVIL, acts, hostile_store
from tests.screens.driving import rows, until


async def shown(pilot: Pilot[Any]) -> str:
    """Return the current screen, after checking all text that it would send to the terminal."""
    await pilot.pause()
    lines = []
    for strip in screen_strips(pilot.app):
        for segment in strip:
            assert not acts(segment.text), segment.text
        assert strip.cell_length == pilot.app.size.width
        lines.append(strip.text)
    return "\n".join(lines)


async def test_every_screen(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # pictures are saved there
    ids = hostile_store(home)
    (folder := tmp_path / EVIL.replace("/", "")[:60]).mkdir()
    app = NastuiApp(home, complaints=[EVIL])
    async with app.run_test(size=(80, 24)) as pilot:

        async def look(*keys: str) -> str:
            await pilot.press(*keys)
            return await shown(pilot)

        async def there(kind: type[Screen[Any]], *keys: str) -> Any:
            await pilot.press(*keys)
            await until(pilot, lambda: type(app.screen) is kind)
            return app.screen

        runs = await there(RunsScreen)
        await until(pilot, lambda: len(runs.table.rows) == 3)
        assert "taken" in await look()
        for keys in (["t"], ["escape", "d"], ["n", "y"], ["question_mark"], ["escape", "f"], ["f"]):
            await look(*keys)

        run = await there(RunScreen, "enter")
        await until(pilot, lambda: run.record is not None)
        for pane in "1234567":
            await look(pane, pane)
            await look("n", "full_stop")
        assert "taken" in await look("6", "slash", *"taken", "enter")
        for keys in (["e"], ["escape", "c"], ["escape", "y"]):
            await look(*keys)
        app.pop_screen()

        await app.push_screen(compare := CompareScreen(app.store, ids))
        await until(pilot, lambda: bool(compare.query_one(ComparedRuns).text))
        assert "taken" in await look()
        for pane in "12345":
            await look(pane, pane)
            await look("m", "n")
        await look("enter")
        await look("escape", "e")
        await look("escape", "y")
        app.pop_screen()

        await app.push_screen(genotypes := GenotypesScreen(app.store))
        await until(pilot, lambda: genotypes.list.option_count > 3)
        detail = genotypes.query_one(GenotypeDetail)
        await pilot.press("space", "G")
        await until(pilot, lambda: ids[2][:8] in detail.text)
        assert "taken" in await look("y")
        await pilot.press("space")
        await there(CellsScreen, "c")
        await look("space", "n")
        await there(GenotypesScreen, "q")
        await there(RetrainScreen, "G", "r")
        await look("tab")
        app.pop_screen()
        app.pop_screen()

        await app.push_screen(form := NewRunScreen(app.store))
        for path in (EVIL, str(folder)):
            line = form.query_one("#field-dataset Input", Input)
            line.focus()
            line.value = path
            await until(pilot, lambda: "taken" in "\n".join(rows(app)))
            assert "taken" in await look("home")
            await look("ctrl+y", "ctrl+s")
