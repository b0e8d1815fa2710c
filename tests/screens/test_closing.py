"""Screens that close while something is still under way: each closes once, late work is dropped, memory is freed."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.command import CommandList
from textual.dom import DOMNode
from textual.message import Message
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input

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
    OpenRetrain,
    OpenRun,
)
from screens.genotypes.cells import CellsScreen
from screens.genotypes.screen import GenotypesScreen
from screens.run.screen import RunScreen
from screens.runs.screen import RunsScreen
from screens.starting.new_run import NewRunScreen
from screens.starting.retrain import RetrainScreen
from screens.starting.starting_screen import StartEnded
from screens.widgets.action_palette import ActionPalette
from screens.widgets.ask_line import AskLine
from screens.widgets.confirm import Confirm
from screens.widgets.field import Choice, Field
from screens.widgets.keys_help import KeysHelp
from screens.widgets.pick_list import PickList
from tests.screens.driving import settle, until
from tests.synthetic import make_run


@asynccontextmanager
async def dashboard(home: Home) -> AsyncIterator[Pilot[Any]]:
    app = NastuiApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, RunsScreen) and "reading" not in counts(app))
        yield pilot
        assert app.is_running
        assert app.return_code is None


def counts(app: NastuiApp) -> str:
    return str(app.screen.query_one("#counts").render())


async def new_run(pilot: Pilot[Any]) -> NewRunScreen:
    await pilot.press("n")
    await until(pilot, lambda: isinstance(pilot.app.screen, NewRunScreen) and pilot.app.focused is not None)
    found = pilot.app.screen
    assert isinstance(found, NewRunScreen)
    return found


def hurry(pilot: Pilot[Any], *keys: str) -> None:
    """Press keys before the app has handled any of them."""
    for key in keys:
        pilot.app.simulate_key(key)


async def steps(number: int) -> None:
    """Let the event loop go around a number of times."""
    for _ in range(number):
        await asyncio.sleep(0)


# Keys in a hurry


# The form of another method is made anew over about 20 rounds of the event loop: the second keys meet it anywhere.
@pytest.mark.parametrize(
    ("keys", "after"),
    [
        (("escape", "escape"), (0, 8)),
        (("down",), (4, 24)),
        (("up", "pagedown"), (0, 8)),
        (("shift+tab",), (4, 24)),
        (("tab", "escape"), (4, 24)),
        (("tab", "tab", "x"), (0, 8)),
        (("shift+tab", "5", "down", "6"), (0, 8)),
        (("pagedown", "pageup", "end", "home"), (4, 24)),
    ],
    ids=lambda value: "-".join(map(str, value)),
)
async def test_keys_may_meet_a_form_that_is_being_refilled(
    home: Home, keys: tuple[str, ...], after: tuple[int, ...]
) -> None:
    async with dashboard(home) as pilot:
        for rounds in after:
            await new_run(pilot)
            hurry(pilot, "j")
            await steps(rounds)
            hurry(pilot, *keys)
            await settle(pilot)
            while not isinstance(screen := pilot.app.screen, RunsScreen):
                screen.dismiss()
                await until(pilot, lambda screen=screen: not screen.is_attached)  # type: ignore[misc]
    assert not (home.root / "nastui.log").exists()


async def test_the_form_is_of_the_last_method_that_was_picked(home: Home) -> None:
    async with dashboard(home) as pilot:
        screen = await new_run(pilot)
        hurry(pilot, *["j"] * 7, *["k"] * 2)
        await pilot.pause()
        names = [view.name for view in (*screen.form.head(), *screen.form.settings())]
        await until(pilot, lambda: screen.query_one("#methods", PickList).picked == screen.form.method)
        names = [view.name for view in (*screen.form.head(), *screen.form.settings())]
        await until(pilot, lambda: [field.view.name for field in screen.query(Field)] == names)


async def test_a_list_may_be_paged_before_it_is_laid_out(home: Home) -> None:
    async with dashboard(home) as pilot:
        methods = (await new_run(pilot)).query_one("#methods", PickList)
        methods.offer([("drnas", ""), ("enas", "")], "drnas")
        methods._index_to_line.clear()
        methods.action_page_down()
        methods.action_page_up()
        await pilot.pause()


async def test_the_command_palette_may_be_paged_before_it_is_laid_out(home: Home) -> None:
    async with dashboard(home) as pilot:
        await pilot.press("colon")
        found = pilot.app.screen.query_one(CommandList)
        await until(pilot, lambda: bool(found.option_count))
        found._index_to_line.clear()
        hurry(pilot, "pagedown", "pageup")
        await pilot.pause()
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, RunsScreen)


async def test_the_command_palette_may_be_closed_while_it_searches(home: Home) -> None:
    async with dashboard(home) as pilot:
        await pilot.press("colon")
        palette = pilot.app.screen
        assert isinstance(palette, ActionPalette)
        await until(pilot, lambda: palette.query(CommandList))
        palette.dismiss()
        while palette.is_attached:
            if not palette.query(CommandList):  # its list goes before the palette itself
                palette._gather_commands("run")
            await asyncio.sleep(0)
        await pilot.pause()
        assert isinstance(pilot.app.screen, RunsScreen)


async def test_a_space_may_be_changed_back_in_a_hurry(home: Home) -> None:
    async with dashboard(home) as pilot:
        screen = await new_run(pilot)
        screen.query_one("#field-space").query_one(Choice).focus()
        await pilot.pause()
        hurry(pilot, "right", "right", "right", "escape", "escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen))


async def test_an_edit_of_a_replaced_field_is_dropped(home: Home) -> None:
    async with dashboard(home) as pilot:
        screen = await new_run(pilot)
        old = next(
            field
            for field in screen.query(Field)
            if field.view.section not in ("run", "sweep and queue", "search space")
        )
        edited = old.query_one(Input)
        hurry(pilot, "j")
        await until(pilot, lambda: not old.is_attached)
        late = Field.Edited("no such setting", "7")
        late._sender = old
        screen.post_message(late)
        edited.value = "7"
        await pilot.pause()
        assert not screen.form.typed


async def test_two_presses_of_n_open_one_form(home: Home) -> None:
    async with dashboard(home) as pilot:
        hurry(pilot, "n", "n", "n")
        await until(pilot, lambda: isinstance(pilot.app.screen, NewRunScreen))
        await pilot.pause()
        assert len(pilot.app.screen_stack) == 2


async def test_a_question_is_answered_once(home: Home) -> None:
    make_run(home.root)
    async with dashboard(home) as pilot:
        answers: list[bool | None] = []
        pilot.app.push_screen(Confirm("Sure?"), answers.append)
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        hurry(pilot, "y", "y", "y")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen))
        await pilot.pause()
        assert answers == [True]


async def test_a_question_is_asked_once(home: Home) -> None:
    make_run(home.root)
    async with dashboard(home) as pilot:
        hurry(pilot, "t", "t", "t")
        await until(pilot, lambda: isinstance(pilot.app.screen, AskLine))
        await pilot.pause()
        assert len(pilot.app.screen_stack) == 2
        hurry(pilot, "escape", "escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen))


# Work that ends late


async def test_a_run_that_starts_after_its_form_has_closed_replaces_no_other_screen(home: Home) -> None:
    run = make_run(home.root)[0].id
    async with dashboard(home) as pilot:
        screen = await new_run(pilot)
        screen.post_message(StartEnded(run))
        hurry(pilot, "escape")
        await until(pilot, lambda: not screen.is_attached)
        screen.post_message(StartEnded(run))
        await pilot.pause()
        assert isinstance(pilot.app.screen_stack[0], RunsScreen)


async def test_a_destination_of_a_covered_screen_is_not_opened(home: Home) -> None:
    run = make_run(home.root)[0].id
    async with dashboard(home) as pilot:
        await new_run(pilot)
        pilot.app.screen_stack[0].post_message(OpenRun(run, instead=True))
        await pilot.pause()
        assert [type(screen) for screen in pilot.app.screen_stack] == [RunsScreen, NewRunScreen]


async def test_what_a_thread_delivers_to_a_closed_screen_is_dropped(home: Home) -> None:
    called: list[str] = []
    async with dashboard(home) as pilot:
        screen = await new_run(pilot)
        await asyncio.to_thread(screen.deliver, called.append, "open")
        screen.dismiss()
        await until(pilot, lambda: not screen.is_attached)
        await asyncio.to_thread(screen.deliver, called.append, "closed")
    assert called == ["open"]


@dataclasses.dataclass
class Waits(Message):
    """Its handler waits for something that is cancelled."""


async def test_a_cancelled_wait_is_no_end_of_the_app(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    async def wait(app: NastuiApp, message: Waits) -> None:
        waiting = asyncio.get_running_loop().create_future()
        waiting.cancel()
        await waiting

    monkeypatch.setattr(NastuiApp, "on_waits", wait, raising=False)
    async with dashboard(home) as pilot:
        pilot.app.post_message(Waits())
        await pilot.pause()
        await new_run(pilot)
    assert "CancelledError" in (home.root / "nastui.log").read_text()


# Memory


def question(kind: Callable[[], Screen[Any]]) -> Callable[[NastuiApp, str], Screen[Any]]:
    return lambda app, run: kind()


def opened(destination: Callable[[NastuiApp, str], Destination]) -> Callable[[NastuiApp, str], Screen[Any]]:
    return lambda app, run: app._navigation._screen(destination(app, run))


def retrain(app: NastuiApp, run: str) -> Destination:
    return OpenRetrain(find("DrNAS_cifar10", app.store))


def cells(app: NastuiApp, run: str) -> Destination:
    genotype = find("DrNAS_cifar10", app.store).genotype
    return OpenCells([("one", genotype), ("two", genotype)])


SCREENS: dict[type[Screen[Any]], Callable[[NastuiApp, str], Screen[Any]]] = {
    RunScreen: opened(lambda app, run: OpenRun(run)),
    NewRunScreen: opened(lambda app, run: OpenNewRun("quick")),
    RetrainScreen: opened(retrain),
    CompareScreen: opened(lambda app, run: OpenComparison([run, run])),
    GenotypesScreen: opened(lambda app, run: OpenGenotypes()),
    CellsScreen: opened(cells),
    Confirm: question(lambda: Confirm("Sure?")),
    AskLine: question(lambda: AskLine("Which?", "this")),
    KeysHelp: question(lambda: KeysHelp([])),
}


@pytest.mark.parametrize("kind", SCREENS, ids=lambda kind: kind.__name__)
async def test_a_closed_screen_and_its_widgets_are_freed(home: Home, kind: type[Screen[Any]]) -> None:
    run = make_run(home.root)[0].id
    async with dashboard(home) as pilot:
        nodes: list[weakref.ref[DOMNode]] = []
        await open_and_close(pilot, SCREENS[kind], run, nodes)
        assert len(nodes) > 1
        await until(pilot, lambda: gc.collect() is not None and not any(node() for node in nodes))


async def open_and_close(
    pilot: Pilot[Any], make: Callable[[NastuiApp, str], Screen[Any]], run: str, nodes: list[weakref.ref[DOMNode]]
) -> None:
    app: Any = pilot.app
    screen = make(app, run)
    await app.push_screen(screen)
    await until(pilot, lambda: screen.is_mounted)
    await pilot.press("tab")
    app.theme_changed_signal.publish(app.current_theme)
    await pilot.pause()
    nodes += [weakref.ref(node) for node in screen.walk_children(with_self=True)]
    screen.dismiss()
    await until(pilot, lambda: not screen.is_attached and not screen.is_running)
