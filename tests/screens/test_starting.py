"""The common parts of New run and Retrain: estimates, measurements, and the load of devices."""

from __future__ import annotations

import datetime
import re
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from nastui.app import NastuiApp
from runs.configuration import Draft, RunConfig, resolve
from runs.cost import measurements
from runs.cost.estimates import Estimate
from runs.cost.measurements import Measurement, MeasurementTask
from runs.errors import EnvironmentLacksError
from runs.home import Home
from runs.machine.devices import Gpu
from runs.machine.meters import Machine
from runs.store.find_genotype import find
from runs.store.lock import engine_lock
from runs.store.run_store import RunStore
from screens.settings import Settings
from screens.starting.device_field import Devices
from screens.starting.estimate_line import estimate_text, roughly
from screens.starting.new_run import NewRunScreen
from screens.starting.retrain import RetrainScreen
from screens.starting.starting_screen import StartingScreen
from screens.widgets.field import Field
from tests.runs.test_estimates import figure
from tests.screens.driving import static, toasts, until
from tests.synthetic import make_run

GPUS = (Gpu(0, "NVIDIA H200", 6_100_000_000, 139_700_000_000, 71), Gpu(1, "NVIDIA [/x] L4", 0, 24_000_000_000, None))


class Fake(MeasurementTask):
    """A measurement that waits until the test releases it."""

    def __init__(self, config: RunConfig, home: Home) -> None:
        super().__init__(config, home)
        self.config, self.go, self.ended = config, threading.Event(), False
        self.problem = ""
        made.append(self)

    def result(self) -> Measurement | None:
        assert self.go.wait(10)
        if self.problem:
            raise EnvironmentLacksError(self.problem, "Lower batch_size.")
        return None if self.ended else figure(self.config, 840.0, measured=_now().isoformat())

    def end(self) -> None:
        self.ended = True
        self.go.set()


made: list[Fake] = []


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


@asynccontextmanager
async def opened(home: Home, retrain: bool = False, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Pilot[Any]]:
    made.clear()
    app = NastuiApp(home)
    async with app.run_test(size=size) as pilot:
        store = RunStore(home)
        screen: StartingScreen
        if retrain:
            screen = RetrainScreen(store, find("DrNAS_cifar10", store), measure=Fake)
        else:
            screen = NewRunScreen(store, preset="quick", measure=Fake)
        app.push_screen(screen)
        await until(pilot, lambda: static(screen, "#command") != "" and screen.form.devices.machine is not None)
        yield pilot


def said(pilot: Pilot[Any], selector: str = "#outcome") -> str:
    return str(pilot.app.screen.query_one(selector).content)  # type: ignore[attr-defined]


def device(pilot: Pilot[Any]) -> Field:
    return pilot.app.screen.query_one("#field-device", Field)


@pytest.mark.parametrize("retrain", [False, True])
async def test_only_what_a_user_types_is_an_edit(home: Home, retrain: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Editors report the text that they are mounted with; each edit checks all fields of a form."""
    edited: list[str] = []
    for screen in (NewRunScreen, RetrainScreen):
        monkeypatch.setattr(screen, "on_field_edited", lambda self, event: edited.append(f"{event.name} {event.text}"))
    async with opened(home, retrain) as pilot:
        field = pilot.app.screen.query_one("#field-seed", Field)
        field.query_one(Input).value = "77"
        await until(pilot, lambda: bool(edited))
        field.query_one(Input).value = field.view.value
        await until(pilot, lambda: len(edited) == 2)
        assert edited == ["seed 77", f"seed {field.view.value}"]


@pytest.mark.parametrize("retrain", [False, True])
async def test_a_configuration_is_measured_by_a_key(home: Home, retrain: bool) -> None:
    async with opened(home, retrain) as pilot:
        assert "ctrl+r measures time and memory here" in said(pilot)
        await pilot.press("ctrl+r")
        assert re.search(r"measuring on cpu … \d+ s \(ctrl\+r ends it\)", said(pilot))
        made[0].go.set()
        await until(
            pilot, lambda: "about 14 min on cpu, 1 thread (measured today) · 500 MB · store 3 MB" in said(pilot)
        )
        assert measurements.read(home)[0].options == made[0].config.options


async def test_an_end_of_measuring_is_no_fault_and_a_fault_is_a_sentence(home: Home) -> None:
    async with opened(home) as pilot:
        await pilot.press("ctrl+r", "ctrl+r")
        await until(pilot, lambda: "ctrl+r measures" in said(pilot))
        assert not toasts()
        await pilot.press("ctrl+r")
        made[1].problem = "This does not fit into the memory of cpu."
        made[1].go.set()
        await until(pilot, toasts)
        assert toasts() == f"{made[1].problem} Lower batch_size."
        assert measurements.read(home) == []
        await pilot.press("ctrl+r")
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, NewRunScreen))
        assert made[2].ended


async def test_devices_are_as_busy_as_they_are(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    config, paths = make_run(home.root, epochs=9, done=3, ended=False)
    paths.config.write_text(paths.config.read_text().replace('"device": "cpu"', '"device": "cuda:0"'))
    machine = Machine(16, load=1.44, gpus=GPUS)
    meter = type("Meter", (), {"look": lambda self: machine})
    monkeypatch.setattr("screens.starting.starting_screen.Meter", meter)
    monkeypatch.setattr("runs.machine.devices.gpus", lambda: list(machine.gpus))
    with engine_lock(paths.lock):
        async with opened(home, size=(100, 24)) as pilot:
            await until(pilot, lambda: device(pilot).view.warning != "")
            assert device(pilot).view.choices == ("auto", "cpu", "cuda:0", "cuda:1")
            assert device(pilot).view.notes == ("is cuda:0", "71 % busy", "6.1 GB of 139.7 GB")
            warning = f"run {config.id[:8]} is computing on cuda:0: every run on it will be slower"
            assert device(pilot).view.warning == warning and device(pilot).size.height > 1
            assert said(pilot, "#command").startswith("$ nastui search"), "nothing is refused"
            device(pilot).query_one("Choice").focus()
            await until(pilot, lambda: "NVIDIA H200, 71 % busy" in said(pilot, "#help"))
            assert f"run {config.id[:8]}" in said(pilot, "#help")
            machine = Machine(16, load=1.44, gpus=(GPUS[0], Gpu(1, GPUS[1].name, 23_000_000_000, 24_000_000_000, 9)))
            await pilot.press("left")
            await until(pilot, lambda: device(pilot).view.notes == ("9 % busy", "23.0 GB of 24.0 GB"))
            await until(pilot, lambda: "cuda:1: NVIDIA [/x] L4, 9 % busy" in said(pilot, "#help"))
            assert device(pilot).view.warning == ""
            await pilot.press("left", "left")
            await until(pilot, lambda: device(pilot).view.notes == ("load 1.4", "16 cores"))


@pytest.mark.parametrize("retrain", [False, True])
async def test_sixty_columns_do(home: Home, retrain: bool) -> None:
    measurements.keep(home, figure(resolve(Draft(method="drnas", preset="quick"))))
    async with opened(home, retrain, (60, 20)) as pilot:
        assert "epoch" in said(pilot)
        assert pilot.app.screen.query_one("#command").region.bottom <= 19
        assert device(pilot).region.width > 0


async def test_read_only_measures_nothing(tmp_path: Path) -> None:
    app = NastuiApp(Home(tmp_path), settings=Settings(readonly=True))
    async with app.run_test() as pilot:
        made.clear()
        screen = NewRunScreen(app.store, preset="quick", measure=Fake)
        await app.push_screen(screen)
        await until(pilot, lambda: static(screen, "#command") != "")
        await pilot.press("ctrl+r", "ctrl+s")
        assert not made and not app.store.records()


def test_an_estimate_in_words() -> None:
    now = datetime.datetime(2026, 11, 22, 9, 0, tzinfo=datetime.UTC)
    whole = Estimate(52_000, "cuda:0", 6_200_000_000, 3_000_000, measured="2026-11-21T23:59:00+00:00")
    assert estimate_text(whole, now) == "about 14 h 30 min on cuda:0 (measured yesterday) · 6.2 GB · store 3 MB"
    run = Estimate(70.0, "cpu", run="a3f9c2d1-drnas-darts", caveats=("its first 2 of 9 epochs",))
    assert estimate_text(run, now) == "about 70 s on cpu (as run a3f9c2d1, its first 2 of 9 epochs)"
    found = [roughly(seconds) for seconds in (0.2, 89, 91, 7100, 7300, 35_990, 86_300, 188_000)]
    assert found == ["1 s", "89 s", "2 min", "118 min", "2 h", "10 h", "1 d", "2 d 4 h"]


def test_devices_before_the_first_look() -> None:
    view = Devices().view("cuda:1")
    assert (view.value, view.choices, view.notes, view.warning) == ("cuda:1", ("auto", "cpu"), (), "")
    assert "auto takes the first GPU" in view.help
