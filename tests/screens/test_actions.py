"""The table of actions compared with what the screens do, and the settings that users may change."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from rich.color import Color
from textual.pilot import Pilot
from textual.theme import Theme
from textual.widgets import Input

from nastui import settings as configuration
from nastui import themes
from nastui.app import NastuiApp
from runs.genotypes import nasbench201
from runs.home import Home
from runs.store.find_genotype import find
from runs.store.labels import Labels
from screens import clipboard, palette
from screens.actions.action import split_keys
from screens.actions.keymap import remapped
from screens.actions.meanings import EXEMPTIONS, meanings, misused
from screens.actions.page import keys_page
from screens.actions.table import SCOPES, actions_of, registry
from screens.compare.screen import CompareScreen
from screens.genotypes.cells import CellsScreen
from screens.genotypes.screen import GenotypesScreen
from screens.queue.screen import QueueScreen
from screens.settings import Settings
from screens.starting.new_run import NewRunScreen
from screens.starting.retrain import RetrainScreen
from screens.sweep.screen import SweepScreen
from screens.widgets.ask_line import AskLine
from screens.widgets.compared_runs import ComparedRuns
from screens.widgets.confirm import Confirm
from screens.widgets.edit_labels import EditLabels
from screens.widgets.field import Choice
from screens.widgets.genotype_detail import GenotypeDetail
from screens.widgets.keys_help import key_sections
from screens.widgets.pick_one import PickOne
from screens.widgets.run_matrix import RunMatrixTable
from screens.widgets.run_table import RunTable
from tests.screens.driving import opened, toasts, until
from tests.screens.fleets import made_sweep
from tests.synthetic import make_run

ROOT = Path(__file__).parents[2]


def test_the_page_of_keys_is_current() -> None:
    assert (ROOT / "docs/keys.md").read_text() == keys_page(), "nastui keys --markdown > docs/keys.md"
    assert {action.scope for action in registry().values()} == set(SCOPES)
    assert len({action.id for action in registry().values()}) == len(registry())


def test_a_key_means_one_thing_on_all_screens() -> None:
    wrong = [sentence for action in registry().values() for sentence in misused(action)]
    assert not wrong, "\n".join([*wrong, "See screens/actions/meanings.py."])
    named = {(action.id, key) for action in registry().values() for key in split_keys(action.keys)}
    assert {(exemption.id, exemption.key) for exemption in EXEMPTIONS} <= named, "an exemption that nobody needs"
    unused = meanings().keys() - {key for _, key in named}
    assert not unused, "a key that no action has"


@pytest.mark.parametrize(
    ("action", "key", "means"),
    [
        ("run.stop", "s", "sort"),
        ("queue.release", "r", "retrain"),
        ("queue.hold", "h", "left"),
        ("runs.latest", "l", "right"),
        ("run.log_axis", "L", "library"),
        ("run.picture", "S", "backwards"),
        ("run.hold", "p", "pause"),
        ("run.mark", "!", "no meaning yet"),
    ],
)
def test_a_key_with_a_second_meaning_is_found(action: str, key: str, means: str) -> None:
    (sentence,) = misused(dataclasses.replace(registry()[action], keys=key))
    assert means in sentence


async def _listed(pilot: Pilot[Any]) -> None:
    await until(pilot, lambda: pilot.app.screen_stack[0].query_one(RunTable).rows)


async def _filter(pilot: Pilot[Any]) -> None:
    await pilot.press("slash")


async def _run(pilot: Pilot[Any]) -> None:
    await pilot.press("enter")
    await opened(pilot)


async def _new_run(pilot: Pilot[Any]) -> None:
    await pilot.press("n")
    await until(pilot, lambda: isinstance(pilot.app.screen, NewRunScreen) and pilot.app.focused)


async def _text(pilot: Pilot[Any]) -> None:
    await _new_run(pilot)
    pilot.app.screen.query("Field Input").first(Input).focus()


async def _choice(pilot: Pilot[Any]) -> None:
    await _new_run(pilot)
    pilot.app.screen.query(Choice).first().focus()


async def _genotypes(pilot: Pilot[Any]) -> None:
    await pilot.press("L")
    await until(pilot, lambda: isinstance(pilot.app.screen, GenotypesScreen))
    await until(pilot, lambda: "parameters" in pilot.app.screen.query_one(GenotypeDetail).text)


async def _genotypes_filter(pilot: Pilot[Any]) -> None:
    await _genotypes(pilot)
    await _filter(pilot)


async def _cells(pilot: Pilot[Any]) -> None:
    cell = nasbench201.genotype([3, 3, 3, 1, 3, 3])
    await pilot.app.push_screen(CellsScreen([("one", cell), ("two", cell)]))


async def _retrain(pilot: Pilot[Any]) -> None:
    store = _app(pilot).store
    await pilot.app.push_screen(RetrainScreen(store, find("DrNAS_cifar10", store)))


async def _compare(pilot: Pilot[Any]) -> None:
    store = _app(pilot).store
    await pilot.app.push_screen(CompareScreen(store, [record.id for record in store.records()]))
    await until(pilot, lambda: pilot.app.screen.query_one(ComparedRuns).text)


async def _sweep(pilot: Pilot[Any]) -> None:
    store = _app(pilot).store
    await pilot.app.push_screen(SweepScreen(store, made_sweep(store.home, (5,)).id))
    await until(pilot, lambda: pilot.app.screen.query_one(RunMatrixTable).highlighted)


async def _queue(pilot: Pilot[Any]) -> None:
    await pilot.press("Q")
    await until(pilot, lambda: isinstance(pilot.app.screen, QueueScreen) and pilot.app.focused)


def _app(pilot: Pilot[Any]) -> NastuiApp:
    assert isinstance(pilot.app, NastuiApp)
    return pilot.app


async def _pick(pilot: Pilot[Any]) -> None:
    await pilot.app.push_screen(PickOne("?", [("one", "the first"), ("two", "the other")]))


async def _help(pilot: Pilot[Any]) -> None:
    await pilot.press("question_mark")


async def _confirm(pilot: Pilot[Any]) -> None:
    await pilot.app.push_screen(Confirm("?"))


async def _ask(pilot: Pilot[Any]) -> None:
    await pilot.app.push_screen(AskLine("?", ""))


async def _labels(pilot: Pilot[Any]) -> None:
    await pilot.app.push_screen(EditLabels("?", Labels()))


async def _nothing(pilot: Pilot[Any]) -> None:
    pass


VISITS: tuple[tuple[Callable[[Pilot[Any]], Awaitable[None]], tuple[str, ...]], ...] = (
    (_nothing, ("runs", "runs.table", "everywhere")),
    (_filter, ("runs.leave_filter",)),
    (_run, ("run", "everywhere")),
    (_new_run, ("new_run", "new_run.list")),
    (_text, ()),
    (_choice, ("new_run.field", "new_run.choice")),
    (_genotypes, ("genotypes", "genotypes.list")),
    (_genotypes_filter, ("genotypes.leave_filter",)),
    (_cells, ("cells",)),
    (_retrain, ("retrain",)),
    (_compare, ("compare",)),
    (_sweep, ("sweep", "sweep.matrix")),
    (_queue, ("queue", "queue.list")),
    (_help, ("help",)),
    (_pick, ("pick", "pick.list")),
    (_confirm, ("confirm",)),
    (_ask, ("ask",)),
    (_labels, ("labels",)),
)


def test_every_scope_is_visited() -> None:
    assert {place for _, places in VISITS for place in places if place in SCOPES} == set(SCOPES)


@pytest.mark.parametrize(("go", "places"), VISITS)
async def test_help_has_every_action_and_every_key_in_it_is_heard(
    tmp_path: Path, go: Callable[[Pilot[Any]], Awaitable[None]], places: tuple[str, ...]
) -> None:
    make_run(tmp_path)
    app = NastuiApp(Home(tmp_path))
    async with app.run_test() as pilot:
        await _listed(pilot)
        await go(pilot)
        await pilot.pause()
        listed = {does for group in key_sections(app.screen) for _, does, _ in group.keys}
        for action in registry().values():
            if action.id in places or (action.scope in places and action.name != "leave_filter"):
                assert action.does in listed, action.id
        heard: list[tuple[str, object]] = []

        async def record(action: str, default_namespace: Any = None, namespaces: object = None) -> bool:
            target, name, parameters = app._parse_action(action, default_namespace)
            if target.check_action(name, parameters) is False:
                return False
            heard.append((action, default_namespace))
            return True

        app.run_action = record  # type: ignore[assignment,method-assign]
        live = {key: entry for key, entry in app.screen.active_bindings.items() if entry.binding.id}
        if isinstance(app.focused, Input):  # letters are text there
            live = {
                key: entry for key, entry in live.items() if "+" in key or key in ("down", "up", "escape", "f1", "f8")
            }
        for key, (node, binding, _, _) in live.items():
            target, name, _ = app._parse_action(binding.action, node)
            assert hasattr(target, f"action_{name}"), binding.id
            await pilot.press(key)
            assert heard[-1:] == [(binding.action, node)], f"{binding.id}: {key}"


async def test_read_only_offers_and_does_nothing_that_changes(tmp_path: Path) -> None:
    config, paths = make_run(tmp_path, done=3)
    app = NastuiApp(Home(tmp_path), settings=Settings(readonly=True))
    async with app.run_test() as pilot:
        await _listed(pilot)
        changing = {action.does for action in actions_of("runs") if action.changes}
        assert not changing & {does for group in key_sections(app.screen) for _, does, _ in group.keys}
        for key in ("n", "d", "t", "i", "R"):
            await pilot.press(key)
        assert len(app.screen_stack) == 1
        await pilot.press("enter")
        await opened(pilot)
        assert not {action.id for action in actions_of("run") if action.changes} & {
            entry.binding.id for entry in app.screen.active_bindings.values()
        }
    assert paths.root.exists()
    assert config.id in str(paths.root)


def test_the_configuration_file_is_told_what_is_wrong_with_it(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    assert configuration.read(file) == (Settings(), [])
    file.write_text('them = "x"\nreadonly = "yes"\nglyphs = "block"\n[keys]\n"runs.stop" = "X"\n')
    found, complaints = configuration.read(file)
    assert found == Settings(glyphs="block", keys={"runs.stop": "X"})
    assert ["'them'" in complaints[0], "'theme'" in complaints[0], "true or false" in complaints[1]] == [True] * 3
    file.write_text("= nonsense")
    assert "not valid TOML" in configuration.read(file)[1][0]
    wishes = {"runs.stop": "X", "runs.trash": "n", "runs.sotr": "q", "run.stop": "ctrl+foo", "run.mark": ""}
    keymap, complaints = remapped(wishes)
    assert keymap == {"runs.stop": "X"}
    for complaint, part in zip(
        complaints, ("'runs.sort'", "'ctrl+foo'", "needs a key", "'runs.new' has it"), strict=True
    ):
        assert part in complaint
    assert remapped({"runs.new": "d", "runs.trash": "n"})[1] == []  # they swapped keys


async def test_keys_are_remapped_and_complaints_are_shown(tmp_path: Path) -> None:
    make_run(tmp_path)
    settings = Settings(theme="nastui-lihgt", keys={"runs.filter": "F", "runs.nwe": "x"})
    app = NastuiApp(Home(tmp_path), settings=settings)
    async with app.run_test() as pilot:
        await _listed(pilot)
        told = toasts()
        assert "'nastui-lihgt'" in told
        assert "'runs.new'" in told
        await pilot.press("slash")
        assert not isinstance(app.focused, Input)
        assert ("F", "filter as you type") in {k[:2] for group in key_sections(app.screen) for k in group.keys}
        await pilot.press("F")
        assert isinstance(app.focused, Input)


def _luminance(colour: str) -> float:
    red, green, blue = (
        c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in Color.parse(colour).get_truecolor()
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(("theme", "least"), [(themes.DARK, 4.5), (themes.LIGHT, 4.5), (themes.CONTRAST, 7)])
def test_every_colour_stands_out_from_the_background(theme: Theme, least: float) -> None:
    """WCAG 2.1 asks for a contrast of 4.5 to 1 (level AA), and of 7 to 1 for high contrast (AAA)."""
    shown = palette.Palette(palette.BRAILLE, "full", light=not theme.dark, contrast=theme is themes.CONTRAST)
    colours = {name: shown.colour(name) for name in ("orange", "sky", "green", "yellow", "vermillion", "purple")}
    colours |= {name: getattr(theme, name) for name in ("foreground", "accent", "warning", "error", "success")}
    for name, colour in colours.items():
        low, high = sorted((_luminance(colour or ""), _luminance(theme.background or "")))
        assert (high + 0.05) / (low + 0.05) >= least, name


async def test_settings_change_in_the_app_and_pictures_have_the_pane(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config, _ = make_run(tmp_path / "home")
    app = NastuiApp(Home(tmp_path / "home"), config.id)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("ctrl+t")
        assert app.theme == "nastui-light"
        light = palette.of(app)
        assert light.light and light.colour("sky") != palette.Palette(palette.BRAILLE, "full").colour("sky")
        await pilot.press("ctrl+t")
        assert app.theme == "nastui-contrast" and palette.of(app).contrast
        await pilot.press("ctrl+g", "ctrl+g")
        assert palette.of(app).glyphs is palette.ASCII
        await pilot.press("ctrl+l")
        assert (app.settings.tick, app.animation_level) == (2.0, "none")
        await pilot.press("4", "E", "ctrl+e")
        await until(pilot, lambda: len(list(tmp_path.glob("*.svg"))) == 2)
        pictures = sorted(tmp_path.glob("*.svg"), key=lambda path: path.stat().st_size)
        assert len(pictures) == 2
        pane, whole = (path.read_text() for path in pictures)
        assert "[4]" in pane
        assert "[6]" not in pane
        assert "[6]" in whole
        kept = clipboard.copy(app, "nastui search drnas", "the command", None)[0]
        assert "copied.txt" in kept
        assert (tmp_path / "home/copied.txt").read_text() == "nastui search drnas\n"


async def test_an_unforeseen_error_in_the_background_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(tmp_path)
    app = NastuiApp(Home(tmp_path))
    async with app.run_test() as pilot:
        await _listed(pilot)

        def broken() -> None:
            raise ValueError("[/x] of a record")

        monkeypatch.setattr(app.store, "records", broken)
        await until(pilot, lambda: "[/x] of a record" in toasts())
        assert app.is_running
        told = toasts()
        assert "[/x] of a record" in told
        assert str(app.error_log) in told
        assert "ValueError" in app.error_log.read_text()
        monkeypatch.undo()
