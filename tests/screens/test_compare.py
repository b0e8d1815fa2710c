"""The Compare screen: its view models, then every action by keys."""

from __future__ import annotations

import csv
import itertools
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from nastui.app import NastuiApp
from runs.configuration import Draft, resolve
from runs.home import Home, RunPaths
from runs.log.event_log import EventLog
from runs.store.labels import Labels
from runs.store.run_store import RunStore
from screens.compare.reader import ComparisonReader
from screens.compare.screen import CompareScreen
from screens.genotypes.screen import GenotypesScreen
from screens.models.compare import Comparison
from screens.models.selection import CompareSelection
from screens.run.screen import RunScreen
from screens.runs.screen import RunsScreen
from screens.views import comparison
from screens.widgets.cells import Cells
from screens.widgets.chart import Chart
from screens.widgets.compared_runs import ComparedRuns
from screens.widgets.grid import Grids, shrunk
from screens.widgets.pane import Pane
from screens.widgets.scrubber import Scrubber
from tests.screens.driving import toasts, until
from tests.synthetic import course, epoch_event


def looked(home: Home, ids: list[str]) -> Comparison:
    found = ComparisonReader(home, ids).update()
    assert found is not None
    return found


async def opened(pilot: Pilot[Any], home: Home, ids: list[str]) -> CompareScreen:
    screen = CompareScreen(RunStore(home), ids)
    pilot.app.push_screen(screen)
    await until(pilot, lambda: screen.is_mounted and bool(screen.query_one(ComparedRuns).text))
    await pilot.pause()
    return screen


def visible(screen: CompareScreen) -> list[int]:
    return [pane.number for pane in screen.query(Pane) if pane.display]


class TestViews:
    def test_curves_values_and_ranks_at_an_epoch(self, home: Home, ids: list[str]) -> None:
        compared = looked(home, ids)
        assert comparison.metrics(compared)[0] == "search_accuracy"
        assert comparison.metrics(compared)[-1] == "table: cifar10 test"
        drawn = comparison.curves(compared, CompareSelection("table: cifar10 test", epoch=5))
        assert [series.points for series in drawn.series] == [(), (), ((5, 93.5),)]
        assert (drawn.epochs, drawn.cursor) == (9, 5)
        lines = comparison.run_lines(compared, CompareSelection("search_loss", epoch=1))
        assert [line.letter for line in lines] == ["A", "B", "C"]
        assert lines[0].value == f"{compared.runs[0].epochs[0].metrics['search_loss']:.4g}"
        assert [line.title for line in lines] == ["seed 0", "seed 1", "seed 2"]
        assert comparison.common(compared)[:2] == ["drnas", "nasbench201"]
        ranked, best = comparison.ranks(compared, CompareSelection("search_loss"))
        assert "lowest first" in ranked.note
        assert [row[1] for row in ranked.rows] == ["A B", "C"]
        assert any(row[0] == "best search_loss" for row in best.rows)
        assert [row[0] for row in comparison.settings(compared)[0].rows] == ["seed", "epochs", "arch_frozen_epochs"]

    def test_cells_say_how_they_differ_from_the_reference(self, home: Home, ids: list[str]) -> None:
        compared = looked(home, ids)
        first, _, third = comparison.cells(compared, CompareSelection())
        assert first.cell is not None and not first.changed
        assert third.changed
        assert "differ from A: " in third.caption
        turned = comparison.cells(compared, CompareSelection(reference=2))
        assert turned[0].changed == third.changed
        assert "differ from C: " in turned[0].caption
        assert comparison.cells(compared, CompareSelection(epoch=0))[0].cell is None

    def test_runs_that_do_not_compare_get_sentences(self, home: Home, ids: list[str]) -> None:
        empty = resolve(Draft(method="drnas", preset="paper", space="darts", dataset="cifar10", device="cpu"))
        RunStore(home).create(empty, Labels())
        compared = looked(home, [ids[0], empty.id, "nothing"])
        assert "nothing" in compared.problems[0]
        assert len(compared.content["remarks"]) == 3
        assert comparison.cells(compared, CompareSelection())[1].cell is None
        assert comparison.run_lines(compared, CompareSelection())[1].value == "-"
        assert any("results page of DrNAS" in row[-1] for row in comparison.published(compared)[0].rows)
        text = comparison.text(compared)
        assert "different data sets (digits, cifar10)" in text and "best search_accuracy" in text
        none = looked(home, ["nothing"])
        assert comparison.ranks(none, CompareSelection())[0].note
        assert not comparison.metrics(none) and comparison.cells(none, CompareSelection()) == ()

    def test_only_what_is_new_makes_a_new_comparison(self, home: Home, ids: list[str]) -> None:
        sources = ComparisonReader(home, ids)
        first = sources.update()
        assert first is not None and sources.update() is None
        paths = first.runs[2].record.paths
        with EventLog(paths.events) as event_log:
            event_log.append(epoch_event(6, 6, random.Random(1)))
        second = sources.update()
        assert second is not None
        assert (comparison.last_epoch(first), len(first.runs[2].epochs), len(second.runs[2].epochs)) == (9, 5, 6)
        shutil.rmtree(paths.root)
        third = sources.update()
        assert third is not None and "cannot be read any more" in third.problems[0]
        assert len(third.runs[2].epochs) == 6
        assert comparison.run_lines(third, CompareSelection())[2].status is None

    def test_columns_give_way_from_the_widest(self) -> None:
        assert shrunk([4, 40, 10], 40) == [4, 22, 10]
        assert shrunk([4, 5, 6], 40) == [4, 5, 6]


async def test_every_action(home: Home, ids: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")
    app = NastuiApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, home, ids)
        chart, scrubber = screen.query_one(Chart), screen.query_one(Scrubber)
        assert chart.curves is not None and chart.curves.title == "search accuracy"
        await pilot.press("m")
        assert chart.curves.title == "search loss"
        await pilot.press("M")
        assert chart.curves.title == "search accuracy"
        await pilot.press("h")
        assert scrubber.text.endswith("epoch 8") and chart.curves.cursor == 8
        await pilot.press("g", "l")
        assert scrubber.text.endswith("epoch 2")
        await pilot.press("G")
        assert chart.curves.cursor is None
        # Cells, their reference, and panes.
        cells = screen.query_one(Cells)
        assert "differ from A" in cells.text
        await pilot.press("space", "space")
        assert "differ from C" in cells.text
        await pilot.press("n")  # there is only one kind, so nothing changes
        await pilot.press("4")
        await pilot.pause()
        assert "A B" in screen.query_one("#pane-4 Grids", Grids).text
        await pilot.press("z")
        assert visible(screen) == [4]
        await pilot.press("escape", "tab")
        assert screen.pane() is screen.query_one("#pane-5")
        await pilot.press("shift+tab", "2")
        await pilot.pause()
        # Copying and saving.
        await pilot.press("y")
        saved = Path(f"{screen.picture_name()}.txt").read_text()
        assert app.clipboard == saved.rstrip("\n")
        assert screen.picture_name() in toasts()
        for keys in (("e", "j"), ("1", "e", "j"), ("e", "j", "j")):
            await pilot.press(*keys, "enter")
            await pilot.pause()
        await until(pilot, lambda: Path(f"{screen.picture_name()}.svg").exists())
        with Path(f"{screen.picture_name()}-settings.csv").open(newline="") as stream:
            epochs, frozen = ["epochs", "9", "9", "6"], ["arch_frozen_epochs", "3", "3", "2"]
            assert list(csv.reader(stream))[1:] == [["seed", "0", "1", "2"], epochs, frozen]
        with Path(f"{screen.picture_name()}-curves.csv").open(newline="") as stream:
            assert len(list(csv.DictReader(stream))) == 9 + 9 + 5
        # Open a run, and leave.
        await pilot.press("o", "j", "enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        app.pop_screen()
        await pilot.pause()
        await pilot.press("q")
        await until(pilot, lambda: app.screen is not screen)


async def test_a_live_run_grows_and_a_small_screen_has_one_pane(home: Home, ids: list[str]) -> None:
    app = NastuiApp(home)
    async with app.run_test(size=(60, 16)) as pilot:
        screen = await opened(pilot, home, ids)
        assert len(visible(screen)) == 1
        assert "5/6" in screen.query_one(ComparedRuns).text
        with EventLog(RunPaths(home.runs / ids[2]).events) as event_log:
            for event in itertools.islice(course(6, 6), 17, None):
                event_log.append(event)
        await until(pilot, lambda: "6/6" in screen.query_one(ComparedRuns).text)
        await pilot.resize_terminal(200, 60)
        await until(pilot, lambda: visible(screen) == [1, 2, 3, 4, 5])


async def test_runs_leads_to_both_screens(home: Home, ids: list[str]) -> None:
    app = NastuiApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        runs = app.screen
        assert isinstance(runs, RunsScreen)
        await until(pilot, lambda: len(runs.table.records) == 3)
        await pilot.press("c")  # one run alone cannot be compared
        assert app.screen is runs
        await pilot.press("space", "space", "c")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))
        assert isinstance(app.screen, CompareScreen) and len(app.screen.run_ids) == 2
        await pilot.press("q")
        await until(pilot, lambda: app.screen is runs)
        await pilot.press("L")
        await until(pilot, lambda: isinstance(app.screen, GenotypesScreen))
