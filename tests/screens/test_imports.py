"""An imported run on the screens: the heatmap of a log of DrNAS at every epoch, and retraining."""

from __future__ import annotations

import re
from pathlib import Path

from nastui.app import NastuiApp
from runs.home import Home
from runs.imports.formats.registry import format_named
from runs.imports.importing import import_file
from runs.store.run_store import RunStore
from screens.starting.retrain import RetrainScreen
from screens.widgets.header import Header
from screens.widgets.heatmap import Heatmap
from screens.widgets.log import Log
from screens.widgets.scrubber import Scrubber
from tests import public_logs
from tests.screens.driving import opened, rows, text, until


def imported(home: Home, folder: Path, name: str = "drnas") -> str:
    log = folder / "log.txt"
    log.write_text(public_logs.text(public_logs.SEARCHES[name]()))
    return import_file(log, format_named(name), RunStore(home)).config.id


async def test_a_log_of_drnas_shows_its_heatmap_at_every_epoch(home: Home, tmp_path: Path) -> None:
    app = NastuiApp(home, imported(home, tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        header = text(screen, Header)
        assert "imported from log.txt" in header and "▲" not in header
        await pilot.press("4", "4")  # the weights, over the whole screen
        await until(pilot, lambda: screen.query_one(Heatmap).text)
        last = text(screen, Heatmap)
        # At the end `none` and three operations have been pruned; at the beginning, only `none` is not searched.
        assert re.search(r"2 ◂ 0 +- +- +- +- +\S*\[\d\d\]( +\S+ \d\d){3}", last)
        await pilot.press("g")
        await until(pilot, lambda: text(screen, Scrubber).endswith("epoch 1"))
        first = text(screen, Heatmap)
        assert re.search(r"2 ◂ 0 +-( +\S+ \d\d){3} +\S*\[\d\d\]( +\S+ \d\d){3}", first)


async def test_its_cell_is_retrained_from_its_screen(home: Home, tmp_path: Path) -> None:
    app = NastuiApp(home, imported(home, tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, RetrainScreen))
        await until(pilot, lambda: any("drnas-cifar" in row for row in rows(app)))


async def test_a_log_without_accuracies_is_not_said_to_be_running(home: Home, tmp_path: Path) -> None:
    app = NastuiApp(home, imported(home, tmp_path, "tenas"))
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await until(pilot, lambda: any("no accuracy in its epochs" in row for row in rows(app)))


async def test_what_a_log_lacks_is_in_the_log_and_no_alarm(home: Home, tmp_path: Path) -> None:
    app = NastuiApp(home, imported(home, tmp_path, "ista"))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        assert "seed" not in text(screen, Header)
        await pilot.press("6", "6")
        await until(pilot, lambda: "does not name the seed" in " ".join(text(screen, Log).split()))
