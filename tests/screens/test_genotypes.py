"""The Genotypes screen and the screens that it opens: every action by keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from nastui.app import NastuiApp
from runs.benchmarks import store as tables
from runs.catalogue import library
from runs.catalogue.genotype_text import parse_text
from runs.configuration import Draft, RunConfig, resolve
from runs.errors import BusyError
from runs.genotypes.genotype import Genotype
from runs.home import Home, RunPaths
from runs.store.find_genotype import Found, find
from runs.store.run_store import RunStore
from screens.genotypes.cells import CellsScreen, items
from screens.genotypes.library import detail, listing
from screens.genotypes.screen import GenotypesScreen
from screens.run.screen import RunScreen
from screens.starting.retrain import RetrainScreen
from screens.starting.retrain_form import RetrainForm
from screens.widgets.cells import Cells
from screens.widgets.field import Choice
from screens.widgets.genotype_detail import GenotypeDetail
from screens.widgets.genotype_list import GenotypeList
from tests.screens.driving import static, toasts, until
from tests.synthetic import make_run

BEST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"


async def opened(pilot: Pilot[Any], home: Home) -> GenotypesScreen:
    screen = GenotypesScreen(RunStore(home))
    pilot.app.push_screen(screen)
    await until(pilot, lambda: screen.is_mounted and "parameters" in told(screen))
    return screen


def told(screen: GenotypesScreen) -> str:
    return screen.query_one(GenotypeDetail).text


class TestViews:
    def test_published_and_found_are_filtered_by_words_and_fields(self, home: Home) -> None:
        make_run(home.root, done=2)
        finished, _ = make_run(home.root, name="[/b] mine")
        found = listing(RunStore(home))
        assert [entry.name for entry in found.matching("kind:found")] == [finished.id]
        assert [entry.shown for entry in found.matching("MINE")] == ["[/b] mine"]
        names = [entry.name for entry in found.matching("method:drnas space:darts")]
        assert names == ["DrNAS_cifar10", "DrNAS_imagenet"]
        assert [entry.name for entry in found.matching("prdarts dl2")] == ["PR_DARTS_DL2"]
        assert not found.matching("kind:found space:darts")

    def test_all_that_is_known_of_a_cell(self, home: Home, tmp_path: Path) -> None:
        store = RunStore(home)
        facts = dict(detail("DrNAS_cifar10", store).facts)
        costs = library.get("DrNAS_cifar10").costs()
        size = f"{costs.parameters / 1e6:.3g} M parameters · {costs.macs / 1e6:.3g} M MACs"
        assert facts["cifar"] == f"{size} · 36 channels, 20 cells, 10 classes, 32 x 32 pixels"
        assert "1000 classes, 224 x 224 pixels, ImageNet stem" in facts["imagenet"]
        assert facts["printed"].startswith("cifar10 error 2.46 ± 0.03 %")
        table = tmp_path / "table.csv"
        table.write_text(f"arch,cifar10_test_200\n{BEST},94.37\n")
        tables.import_csv(table, home)
        assert dict(detail(BEST, store).facts)["table cifar10"] == "test (200 epochs) 94.37"
        dead = detail("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|", store)
        assert dict(dead.facts)["note"] == "no path leads from the input to the output"
        gone = detail("no-such-run", store)
        assert gone.found is None and "no-such-run" in gone.heading

    def test_cells_beside_each_other(self) -> None:
        first, second = parse_text(BEST), parse_text(BEST.replace("skip_connect", "none"))
        darts = find("DARTS_V2", RunStore(Home(Path("nowhere")))).genotype
        base, other = items([("one · title", first), ("two", second)], "cell", 0)
        assert not base.changed
        assert (other.changed, other.caption) == (frozenset({(0, 3)}), "1 edge differs from one: 3←0 skip→none")
        assert "of the space darts" in items([("one", first), ("two", darts)], "normal", 0)[1].caption

    def test_a_form_makes_the_draft_of_the_command_line(self, home: Home) -> None:
        form = RetrainForm(find("DrNAS_cifar10", RunStore(home)))
        assert form.views()[0].value == "drnas-cifar"
        form.write("preset", "quick")
        form.write("seed", "7")
        form.write("dataset", form.views()[1].value)
        assert form.typed == {"preset": "quick", "seed": "7"}
        assert form.check().command == "nastui retrain DrNAS_cifar10 --dataset digits --preset quick --seed 7"
        unknown = Found("x", Genotype("elsewhere", form.found.genotype.cells), None, "x")
        assert RetrainForm(unknown).views() == []
        assert "No recipe trains networks of the space 'elsewhere'." in RetrainForm(unknown).check().faults[""]
        form.write("preset", "drnas-cifar")
        form.write("dataset", "imagenet")
        assert [view.value for view in form.views()[:2]] == ["drnas-imagenet", "imagenet"]
        assert form.views()[0].notes == ("of its own paper",)
        assert (
            form.check().command == "nastui retrain DrNAS_cifar10 --dataset imagenet --preset drnas-imagenet --seed 7"
        )
        form.write("seed", "-1")
        assert "seed must be between 0 and 2^63-1, got " in form.check().faults[""]


async def test_every_action(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")
    config, _ = make_run(home.root, name="mine")
    app = NastuiApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, home)
        entries = screen.query_one(GenotypeList)
        assert "normal · n shows reduce" in told(screen)
        await pilot.press("n")
        assert "reduce · n shows normal" in told(screen)
        # Filter, then go to the matches.
        await pilot.press("slash", *"drnasc")
        await until(pilot, lambda: told(screen).startswith("DrNAS_cifar10 ·"))
        assert entries.option_count == 2  # a heading and a cell
        await pilot.press("down")
        assert screen.focused is entries
        # Export in every form, copy.
        for place, suffix in enumerate((".json", ".py", ".txt", ".dot", ".svg")):
            await pilot.press("e", *["j"] * place, "enter")
            await until(pilot, (tmp_path / "out" / f"DrNAS_cifar10{suffix}").exists)
        assert find("DrNAS_cifar10.json", RunStore(home)).genotype == find("DrNAS_cifar10", RunStore(home)).genotype
        assert "DrNAS_cifar10.svg" in toasts()
        await pilot.press("y")
        assert app.clipboard.startswith("Genotype(normal=")
        # Mark two, and compare them.
        await pilot.press("escape", "space", "space", "c")
        await until(pilot, lambda: isinstance(app.screen, CellsScreen))
        cells = app.screen.query_one(Cells)
        await until(pilot, lambda: "edges differ from DrNAS_cifar10" in cells.text)
        before = cells.text
        await pilot.press("n")
        assert cells.text != before
        await pilot.press("space")
        assert "edges differ from DrNAS_imagenet" in cells.text
        await pilot.press("q")
        await pilot.pause()
        await pilot.press("escape")
        assert "marked" not in static(screen, "#counts")
        # A found genotype leads to its run.
        await pilot.press("G")
        await until(pilot, lambda: config.id[:8] in told(screen))
        assert "drnas on digits, preset quick, seed 0, best accuracy 93.26 %" in " ".join(told(screen).split())
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        app.pop_screen()
        await pilot.pause()
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is not screen)


async def test_keys_that_arrive_together_mark_different_entries(home: Home) -> None:
    app = NastuiApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, home)
        for _ in range(3):
            app.post_message(events.Key("space", " "))
        await until(pilot, lambda: "3 marked" in static(screen, "#counts"))


async def test_the_form_takes_the_recipe_for_the_data_set(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a folder is ImageNet only the check finds out, as it reads it."""
    monkeypatch.setattr("runs.catalogue.entries.IMAGENET_CLASSES", 3)
    for number in range(3):
        for part in ("train", "val"):
            (tmp_path / "whole" / part / f"n{number:04}").mkdir(parents=True)
            (tmp_path / "whole" / part / f"n{number:04}" / "0.jpg").touch()
    app = NastuiApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = RetrainScreen(app.store, find("PDARTS", app.store))
        await app.push_screen(screen)
        preset = screen.query_one("#field-preset Choice", Choice)
        data = screen.query_one("#field-dataset Input", Input)
        for text, recipe in (("cifar100", "pdarts-cifar100"), (str(tmp_path / "whole"), "pdarts-imagenet")):
            data.value = text
            await until(
                pilot, lambda text=text, recipe=recipe: f"{text} --preset {recipe}" in static(screen, "#command")
            )
            assert preset.value == recipe
        data.value = "cifar10"
        await until(pilot, lambda: preset.value == "pdarts-cifar")


async def test_retraining_starts_with_the_chosen_recipe(home: Home) -> None:
    drafts: list[Draft] = []
    busy = True

    def start(given: RunStore, draft: Draft) -> tuple[RunConfig, RunPaths]:
        drafts.append(draft)
        if busy:
            raise BusyError("All devices are taken.")
        config, paths = make_run(home.root)
        return config, paths

    app = NastuiApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, home)
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, RetrainScreen))
        await pilot.press("escape")
        screen = RetrainScreen(app.store, find("DARTS_V1", app.store), start=start)
        await app.push_screen(screen)
        await until(pilot, lambda: "--preset darts-cifar" in static(screen, "#command"))
        await pilot.press("left")  # wraps around to the last one: quick
        await until(pilot, lambda: "--dataset digits --preset quick" in static(screen, "#command"))
        screen.query_one("#field-seed Input", Input).focus()
        await pilot.press("x")
        await until(pilot, lambda: static(screen, "#command") == "")
        await pilot.press("ctrl+s")
        assert not drafts
        await pilot.press("backspace", "4")
        await until(pilot, lambda: "--seed 4" in static(screen, "#command"))
        await pilot.press("ctrl+y")
        assert f"$ {app.clipboard}" == static(screen, "#command")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "All devices are taken." in toasts())
        busy = False
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
    typed = resolve(drafts[-1])
    assert (typed.kind, typed.preset, typed.dataset, typed.origin) == ("retrain", "quick", "digits", "DARTS_V1")
    assert drafts[-1].options == {}
