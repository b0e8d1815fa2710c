"""Runs of version 0.1 open in the dashboard."""

from __future__ import annotations

from nastui.app import NastuiApp
from runs.home import Home
from runs.log.history import load
from screens.run.screen import RunScreen
from tests.home_of_0_1 import STATUSES, unpack
from tests.screens.driving import until


async def test_every_run_opens(home: Home) -> None:
    runs = unpack(home)
    app = NastuiApp(home)
    async with app.run_test(size=(160, 50)) as pilot:
        for name in STATUSES:
            run = runs[name].root.name
            screen = RunScreen(app.store, run)
            await app.push_screen(screen)
            epochs = load(runs[name]).epochs
            await until(pilot, lambda screen=screen, epochs=epochs: len(screen.history.epochs) == len(epochs))
            await pilot.press("left", "tab", "full_stop", "q")
            await until(pilot, lambda screen=screen: app.screen is not screen)
