"""Destinations and the screens that they open."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.screen import Screen

from nastui.app import NastuiApp
from runs.home import Home
from runs.store.find_genotype import find
from screens.compare.screen import CompareScreen
from screens.destinations import (
    Destination,
    OpenCells,
    OpenComparison,
    OpenGenotypes,
    OpenNewRun,
    OpenQueue,
    OpenRetrain,
    OpenRun,
    OpenSweep,
)
from screens.genotypes.cells import CellsScreen
from screens.genotypes.screen import GenotypesScreen
from screens.queue.screen import QueueScreen
from screens.run.screen import RunScreen
from screens.starting.new_run import NewRunScreen
from screens.starting.retrain import RetrainScreen
from screens.sweep.screen import SweepScreen
from screens.widgets.confirm import Confirm
from tests.screens.driving import until
from tests.screens.fleets import made_sweep
from tests.synthetic import make_run

ROOT = Path(__file__).parents[2]


async def test_every_destination_opens_its_screen(home: Home) -> None:
    run = make_run(home.root)[0].id
    app = NastuiApp(home)
    found = find("DrNAS_cifar10", app.store)
    expected: list[tuple[Destination, type[Screen[None]]]] = [
        (OpenRun(run), RunScreen),
        (OpenNewRun("quick"), NewRunScreen),
        (OpenRetrain(found), RetrainScreen),
        (OpenComparison([run]), CompareScreen),
        (OpenGenotypes(), GenotypesScreen),
        (OpenSweep(made_sweep(home).id), SweepScreen),
        (OpenQueue(), QueueScreen),
        (OpenCells([("one", found.genotype), ("two", found.genotype)]), CellsScreen),
    ]
    assert {type(destination) for destination, _ in expected} == set(Destination.__subclasses__())
    async with app.run_test() as pilot:
        for depth, (destination, screen) in enumerate(expected, start=2):
            app.screen.post_message(destination)
            await until(pilot, lambda screen=screen: isinstance(app.screen, screen))  # type: ignore[misc]
            assert len(app.screen_stack) == depth
        app.screen.post_message(OpenRun(run, instead=True))
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        assert len(app.screen_stack) == depth


async def test_a_screen_behind_another_is_not_drawn_but_one_behind_a_question_is(home: Home) -> None:
    run = make_run(home.root)[0].id
    app = NastuiApp(home)
    async with app.run_test() as pilot:
        runs = app.screen
        assert runs.is_current
        app.push_screen(question := Confirm("?"))
        await until(pilot, lambda: app.screen is question)
        assert runs.is_current
        await pilot.press("n")
        runs.post_message(OpenRun(run))
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        assert not runs.is_current
        await pilot.press("q")
        await until(pilot, lambda: app.screen is runs)
        assert runs.is_current


@pytest.mark.parametrize("call", ["push_screen", "switch_screen"])
def test_only_navigation_opens_screens(call: str) -> None:
    """Questions are asked by the base of the screens, and the help is opened by the app."""
    callers = {
        str(path.relative_to(ROOT))
        for package in ("nastui", "screens")
        for path in (ROOT / package).rglob("*.py")
        if re.search(rf"\b{call}(_wait)?\(", path.read_text(encoding="utf-8"))
    }
    assert callers <= {"screens/navigation.py", "screens/actions/screen.py", "nastui/app.py"}
