"""The screens show a search space that only a plug-in knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from nastui.app import NastuiApp
from runs.catalogue.genotype_text import parse_text
from runs.configuration import Draft, resolve
from runs.home import Home
from runs.log.event_log import EventLog
from runs.log.events import CellSnapshot, EpochEnded, Finished, Started
from runs.store.labels import Labels
from runs.store.run_store import RunStore
from screens.palette import BRAILLE, Palette
from screens.starting.run_form import RunForm
from tests.screens.driving import until
from tests.screens.test_toy_method import shown

TOY = Path(__file__).parents[1] / "toy"


@pytest.fixture(autouse=True)
def _plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NASTUI_PLUGINS", "ring_space")
    monkeypatch.syspath_prepend(str(TOY))


@pytest.fixture
def toy_run(home: Home) -> str:
    """A finished search of the toy space."""
    config = resolve(Draft(method="gdas", space="ring", preset="quick"))
    paths = RunStore(home).create(config, Labels())
    paths.lock.touch()
    genotype = parse_text("ring:mix,blur,copy").to_json()
    cell = CellSnapshot(
        edges=[(0, 1), (0, 2), (1, 2)],
        operations=["none", "copy", "blur", "mix"],
        weights=[[0.1, 0.2, 0.3, 0.4]] * 3,
        alive=[[True] * 4] * 3,
        chosen=[3, 2, 1],
    )
    with EventLog(paths.events) as event_log:
        event_log.append(Started())
        event_log.append(
            EpochEnded(1, 1, metrics={"search_accuracy": 12.5}, architecture={"ring": cell}, genotype=genotype)
        )
        event_log.append(Finished(genotype=genotype, parameters=1, macs=2))
    return config.id


def test_colours_go_by_the_table_of_the_space() -> None:
    palette = Palette(BRAILLE, "full")
    assert palette.operation("none").dim
    colours = [palette.operation(name).color for name in ("copy", "blur", "mix")]
    assert colours == [palette.style(name).color for name in ("green", "orange", "sky")]


async def test_run(home: Home, toy_run: str) -> None:
    app = NastuiApp(home)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "gdas" in shown(app))
        await pilot.press("enter")
        await until(pilot, lambda: "gdas · ring" in shown(app))
        await until(pilot, lambda: "mix" in shown(app) and "out" in shown(app))


async def test_genotypes(home: Home, toy_run: str) -> None:
    app = NastuiApp(home)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "gdas" in shown(app))
        await pilot.press("L")
        await until(pilot, lambda: "1 found" in shown(app))
        await pilot.press("slash", *toy_run[:8], "enter")
        await until(pilot, lambda: "ring:mix,blur,copy" in shown(app))
        assert "4 channels, 1 cells" in shown(app)


async def test_retraining(home: Home, toy_run: str) -> None:
    app = NastuiApp(home)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "gdas" in shown(app))
        await pilot.press("L")
        await until(pilot, lambda: "1 found" in shown(app))
        await pilot.press("slash", *toy_run[:8], "enter")
        await until(pilot, lambda: "ring:mix,blur,copy" in shown(app))
        await pilot.press("r")
        await until(pilot, lambda: "ring-short" in shown(app))


def test_new_run() -> None:
    form = RunForm(method="gdas", preset="quick")
    assert "ring" in form.view("space").choices
    form.choose(space="ring")
    form.write("rings", "2")
    config = form.check().config
    assert config is not None
    assert (config.space, config.preset, config.options["rings"]) == ("ring", "quick", 2)
