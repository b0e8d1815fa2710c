"""Every screen at three sizes, in colour, 16 colours and ASCII; `pytest --update-looks` after an intended change."""

from __future__ import annotations

import itertools
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input

from nastui.app import NastuiApp
from runs.catalogue.genotype_text import parse_text
from runs.home import Home
from runs.machine.meters import Machine
from runs.store.find_genotype import find
from runs.store.labels import Labels
from runs.store.run_store import RunStore
from screens.compare.screen import CompareScreen
from screens.genotypes.cells import CellsScreen
from screens.genotypes.screen import GenotypesScreen
from screens.run.screen import RunScreen
from screens.runs.screen import RunsScreen
from screens.starting.new_run import NewRunScreen
from screens.starting.retrain import RetrainScreen
from screens.sweep.screen import SweepScreen
from screens.widgets.ask_line import AskLine
from screens.widgets.compared_runs import ComparedRuns
from screens.widgets.confirm import Confirm
from screens.widgets.edit_labels import EditLabels
from screens.widgets.field import Choice
from screens.widgets.genotype_detail import GenotypeDetail
from screens.widgets.pick_one import PickOne
from tests.screens import fleets, histories, looks
from tests.screens.driving import future_runs, opened, static, text, until, written_run

BEST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
Go = Callable[[Pilot[Any], Home], Awaitable[None]]


@pytest.fixture(autouse=True)
def _no_machine_and_no_day(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("screens.widgets.log.time_of_day", lambda moment: "12:00:00")
    monkeypatch.setattr("runs.machine.meters.Meter.look", lambda meter, pid=None: Machine(cores=2))
    numbers = itertools.count(1)
    monkeypatch.setattr("secrets.token_hex", lambda size: f"{next(numbers):08x}"[::-1])
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def _run(family: str, *keys: str) -> Go:
    async def go(pilot: Pilot[Any], home: Home) -> None:
        run = written_run(home, getattr(histories, family)())
        pilot.app.push_screen(RunScreen(RunStore(home), run))
        await opened(pilot)
        await pilot.press(*keys)

    return go


async def _runs(pilot: Pilot[Any], home: Home) -> None:
    screen = pilot.app.screen
    assert isinstance(screen, RunsScreen)
    await until(pilot, lambda: len(screen.table.records) == 4)
    await pilot.press("j", "space")


async def _new_run(pilot: Pilot[Any], home: Home) -> None:
    screen = NewRunScreen(RunStore(home), preset="quick")
    pilot.app.push_screen(screen)
    await until(pilot, lambda: static(screen, "#command").startswith("$ nastui"))


async def _genotypes(pilot: Pilot[Any], home: Home) -> None:
    screen = GenotypesScreen(RunStore(home))
    pilot.app.push_screen(screen)
    await until(pilot, lambda: screen.is_mounted and "parameters" in text(screen, GenotypeDetail))
    await pilot.press("slash", *"drnas", "down", "space")
    await until(pilot, lambda: text(screen, GenotypeDetail).startswith("DrNAS_imagenet"))


async def _cells(pilot: Pilot[Any], home: Home) -> None:
    named = [(name, find(name, RunStore(home)).genotype) for name in ("DrNAS_cifar10", "DARTS_V2", "DrNAS_imagenet")]
    pilot.app.push_screen(CellsScreen([*named, ("best of the table", parse_text(BEST))]))


async def _retrain(pilot: Pilot[Any], home: Home) -> None:
    screen = RetrainScreen(RunStore(home), find("DrNAS_cifar10", RunStore(home)))
    pilot.app.push_screen(screen)
    await until(pilot, lambda: "--preset" in static(screen, "#command") and screen.form.devices.machine is not None)


async def _compare(pilot: Pilot[Any], home: Home) -> None:
    screen = CompareScreen(RunStore(home), [record.id for record in reversed(RunStore(home).records())])
    pilot.app.push_screen(screen)
    await until(pilot, lambda: screen.is_mounted and bool(screen.query_one(ComparedRuns).text))
    await pilot.press("h", "3")


def _over(screen: Callable[[], Screen[Any]]) -> Go:
    async def go(pilot: Pilot[Any], home: Home) -> None:
        await _cells(pilot, home)
        pilot.app.push_screen(screen())

    return go


@pytest.mark.parametrize(
    ("name", "go"),
    [
        ("run-dirichlet", _run("dirichlet", "left", "full_stop")),
        ("run-sparse-codes", _run("sparse_codes", "5")),
        ("new-run", _new_run),
        ("genotypes", _genotypes),
        ("cells", _cells),
        ("retrain", _retrain),
        ("help", _run("dirichlet", "question_mark")),
    ],
)
async def test_screens(home: Home, request: pytest.FixtureRequest, name: str, go: Go) -> None:
    await _compared(home, request, name, go, looks.SIZES)


@pytest.mark.parametrize("family", ["training_free", "morphing", "queries"])
async def test_panels(home: Home, request: pytest.FixtureRequest, family: str) -> None:
    await _compared(home, request, f"run-{family.replace('_', '-')}", _run(family), looks.SIZES[1:2])


async def test_a_first_start(home: Home, request: pytest.FixtureRequest) -> None:
    async def go(pilot: Pilot[Any], home: Home) -> None:
        await until(pilot, lambda: "starts a run" in static(pilot.app.screen, "#hint"))

    await _compared(home, request, "first-start", go, looks.SIZES[:1])


async def test_runs(home: Home, request: pytest.FixtureRequest) -> None:
    future_runs(home.root)
    await _compared(home, request, "runs", _runs, looks.SIZES)


async def test_16_colours_show_where_one_is(home: Home) -> None:
    app = NastuiApp(home)
    app.theme = "ansi-dark"
    async with app.run_test(size=looks.SIZES[0]) as pilot:
        await _new_run(pilot, home)
        methods, choice = app.screen.query_one("#methods"), app.screen.query(Choice).first()
        for shown in (methods, choice):
            shown.focus()
            look = await looks.settled(pilot)
            for widget in (methods, choice):
                x, y, width, height = widget.region
                cells = [style for row in look.styles[y : y + height] for style in row[x : x + width - 1]]
                assert any(style.reverse for style in cells) == (widget is shown)


@pytest.mark.parametrize(("name", "keys"), [("sweep", ("enter",)), ("queue", ("Q",))])
async def test_sweeps(home: Home, request: pytest.FixtureRequest, name: str, keys: tuple[str, ...]) -> None:
    async def go(pilot: Pilot[Any], home: Home) -> None:
        await until(pilot, lambda: "in the queue" in static(pilot.app.screen, "#counts"))
        await pilot.press(*keys)
        screen = pilot.app.screen
        said = "#progress" if name == "sweep" else "#counts"
        await until(pilot, lambda: "queued" in static(screen, said) or "waiting" in static(screen, said))
        await pilot.pause()
        if isinstance(screen, SweepScreen):  # wide screens show the curves at once
            await pilot.press("l", "j")
            await pilot.resize_terminal(120, 40)
            await until(pilot, lambda: screen._curves is not None)
            await pilot.resize_terminal(80, 24)
        else:
            await pilot.press("j", "j")

    sweep = fleets.made_sweep(home, (5, 5, 4, 5, 5, 3, 2))
    with fleets.queued(home, sweep, 2, ("waits for a slot of the CPU (2 of 2 in use)", "held")):
        await _compared(home, request, name, go, looks.SIZES)


@pytest.mark.usefixtures("ids")
async def test_compare(home: Home, request: pytest.FixtureRequest) -> None:
    await _compared(home, request, "compare", _compare, looks.SIZES)


@pytest.mark.parametrize(
    ("name", "question"),
    [
        ("confirm", lambda: Confirm("Move 2 runs to the trash?", "u brings them back.")),
        ("ask", lambda: AskLine("Tags, with spaces between", "paper seed-3")),
        ("labels", lambda: EditLabels("Name and note of run a3f9c0de", Labels("first try", [], "with a lower rate"))),
        ("pick", lambda: PickOne("Save what?", [("text", "as it is printed"), ("svg", "a picture of the screen")])),
    ],
)
async def test_questions(
    home: Home, request: pytest.FixtureRequest, name: str, question: Callable[[], Screen[Any]]
) -> None:
    await _compared(home, request, name, _over(question), looks.SIZES[:1])


async def _compared(
    home: Home, request: pytest.FixtureRequest, name: str, go: Go, sizes: Sequence[tuple[int, int]]
) -> None:
    """Open a screen, take its looks at all sizes, and compare them with the expected ones."""
    app = NastuiApp(home)
    async with app.run_test(size=sizes[0]) as pilot:
        await pilot.pause()
        await go(pilot, home)
        await pilot.pause()
        for line in app.screen.query(Input):
            line.cursor_blink = False
        shown = await looks.tour(pilot, sizes)
    for (terminal, size), look in shown.items():
        width, height = map(int, size.split("x"))
        assert [len(row) for row in look.rows] == [width] * height
        if terminal == "ascii":
            assert all(row.isascii() for row in look.rows)
            unknown = [sum(row.count("?") for row in rows) for rows in (look.rows, shown["colour", size].rows)]
            assert unknown[0] == unknown[1], "a character has no stand-in"
        elif terminal == "16 colours":
            assert looks.sixteen(look)
            assert look.rows == shown["colour", size].rows
    file, text = looks.kept(name), looks.described(shown)
    if request.config.getoption("--update-looks"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")
