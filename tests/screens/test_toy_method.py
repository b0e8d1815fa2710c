"""The screens show a method that only a plug-in knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from nastui.app import NastuiApp
from runs.configuration import Draft, resolve
from runs.genotypes import nasbench201
from runs.home import Home
from runs.log.event_log import EventLog
from runs.log.events import EpochEnded, Finished, Started
from runs.store.labels import Labels
from runs.store.run_store import RunStore
from tests.screens.driving import rows, until
from tests.synthetic import snapshot

TOY = Path(__file__).parents[1] / "toy"


@pytest.fixture
def toy_run(home: Home, monkeypatch: pytest.MonkeyPatch) -> str:
    """A finished run of the toy method, whose plug-in is installed."""
    monkeypatch.setenv("NASTUI_PLUGINS", "budget_search")
    monkeypatch.syspath_prepend(str(TOY))
    config = resolve(Draft(method="budget", preset="quick"))
    paths = RunStore(home).create(config, Labels())
    paths.lock.touch()
    cell = snapshot([[0.1, 0.2, 0.3, 0.3, 0.1]] * 6)
    genotype = nasbench201.genotype(cell.chosen).to_json()
    with EventLog(paths.events) as event_log:
        event_log.append(Started())
        metrics = {"budget_error": 0.25}
        event_log.append(EpochEnded(1, 1, metrics=metrics, architecture={"cell": cell}, genotype=genotype))
        event_log.append(Finished(genotype=genotype, parameters=1, macs=2))
    return config.id


def shown(app: NastuiApp) -> str:
    return "\n".join(rows(app))


async def test_runs_and_run(home: Home, toy_run: str) -> None:
    app = NastuiApp(home)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "budget" in shown(app))
        await pilot.press("enter")
        await until(
            pilot, lambda: all(part in shown(app) for part in ("budget · nasbench201", "finished", "0.25", "out"))
        )


async def test_new_run(home: Home, toy_run: str) -> None:
    app = NastuiApp(home)
    async with app.run_test(size=(100, 60)) as pilot:
        await until(pilot, lambda: "budget" in shown(app))
        await pilot.press("n")
        await until(pilot, lambda: "DrNAS on" in shown(app))
        assert "queries" not in shown(app)
        await pilot.press("G")
        await until(pilot, lambda: "Budget on NAS-Bench-201" in shown(app))
        await until(pilot, lambda: "queries" in shown(app) and "patience" in shown(app))
