"""The Runs screen, driven by its keys."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Input, Static

from nastui.app import NastuiApp
from runs.configuration import Draft, RunConfig, resolve
from runs.errors import ChangedDataError
from runs.home import Home, RunPaths
from runs.log.event_log import EventLog
from runs.log.events import Failed, Paused, Started
from runs.store.engine_output import crash_reason
from runs.store.filter import RunFilter, Texts
from runs.store.find_genotype import find
from runs.store.labels import Labels
from runs.store.record import Record
from runs.store.requests import Request, waiting
from runs.store.retraining import asked
from runs.store.run_store import RunStore
from runs.store.slurm_jobs import Entry, SlurmJobs, State
from runs.store.status import Status
from screens.compare.screen import CompareScreen
from screens.engine_controls import can_stop
from screens.models.run_columns import BY_TITLE, COLUMNS, laid_out, wanted_widths
from screens.run.reader import RunReader
from screens.run.screen import RunScreen
from screens.runs.label_actions import retagged
from screens.runs.screen import RunsScreen
from screens.settings import Settings
from screens.views.status_line import status_line
from screens.widgets.ask_line import AskLine
from screens.widgets.confirm import Confirm
from screens.widgets.edit_labels import EditLabels
from screens.widgets.key_line import KeyLine
from screens.widgets.keys_help import KeysHelp
from screens.widgets.run_table import RunTable
from tests.screens.driving import append, engine, frozen_run, static, toasts, until
from tests.synthetic import make_run


@asynccontextmanager
async def shown(home: Path, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Pilot[Any]]:
    app = NastuiApp(Home(home))
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: "reading" not in said(pilot, "#counts"))
        yield pilot


def said(pilot: Pilot[Any], selector: str) -> str:
    return str(pilot.app.screen_stack[0].query_one(selector, Static).content)


def table(pilot: Pilot[Any]) -> RunTable:
    return pilot.app.screen_stack[0].query_one(RunTable)


def lines(pilot: Pilot[Any]) -> list[str]:
    runs = table(pilot)
    return [runs.render_line(y).text for y in range(1 + len(runs.rows))]


async def test_an_empty_store_names_one_key_and_the_demonstration(tmp_path: Path) -> None:
    async with shown(tmp_path / "none") as pilot:
        assert "n  start a search: " in said(pilot, "#nothing")
        assert "D  start the demonstration: the preset 'quick'" in said(pilot, "#nothing")
        assert "D demonstration" in pilot.app.screen.query_one(KeyLine).render().plain
        assert said(pilot, "#counts") == "0 runs"
        assert not (tmp_path / "none").exists(), "looking at a store creates nothing"


async def test_the_demonstration_starts_at_once_and_is_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drafts: list[Draft] = []

    def start(store: RunStore, draft: Draft) -> tuple[RunConfig, RunPaths]:
        drafts.append(draft)
        config = resolve(draft)
        return config, store.create(config, Labels(draft.name))

    monkeypatch.setattr("runs.supervision.new_run.start", start)
    async with shown(tmp_path) as pilot:
        await pilot.press("D", "D")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        assert [(draft.method, draft.preset) for draft in drafts] == [("drnas", "quick")]
        assert resolve(drafts[0]).dataset == "digits"
        await pilot.press("q")
        await until(pilot, lambda: len(table(pilot).rows) == 1)
        assert pilot.app.screen.check_action("demonstrate", ()) is None


async def test_an_empty_store_that_is_only_looked_at_offers_nothing(tmp_path: Path) -> None:
    app = NastuiApp(Home(tmp_path), settings=Settings(readonly=True))
    async with app.run_test() as pilot:
        await until(pilot, lambda: "readonly" in said(pilot, "#nothing"))
        assert "demonstration" not in app.screen.query_one(KeyLine).render().plain
        await pilot.press("D")
        assert not app.screen.check_action("demonstrate", ())


async def test_rows_counts_and_the_line_on_a_lost_run(tmp_path: Path) -> None:
    make_run(tmp_path, epochs=6, done=4, name="gone")
    _, paths = make_run(tmp_path, epochs=5, done=2, name="at work", tags=["paper"])
    make_run(tmp_path, epochs=3)
    with engine(paths):
        async with shown(tmp_path) as pilot:
            assert said(pilot, "#counts") == "3 runs · 1 running · 1 lost"
            assert [record.labels.name for record in table(pilot).records] == ["", "at work", "gone"]
            assert "✓ finished" in lines(pilot)[1]
            assert "● running" in lines(pilot)[2]
            assert "2/5" in lines(pilot)[2]
            assert "paper" in lines(pilot)[2]
            await pilot.press("G")
            await until(pilot, lambda: "lost" in said(pilot, "#status-line"))
            assert "engine gone at epoch 5 (last checkpoint 4" in said(pilot, "#status-line")
            assert said(pilot, "#status-line").endswith("R resumes")


async def test_a_failed_run_says_what_to_do(tmp_path: Path) -> None:
    _, paths = make_run(tmp_path, epochs=6, done=2)
    with EventLog(paths.events, 100) as event_log:
        event_log.append(Failed(error="Out of memory.", hint="Set a smaller batch_size."))
    (record,) = RunStore(Home(tmp_path)).records()
    assert status_line(record, time.time()) == "Out of memory. Set a smaller batch_size. · R tries again"


async def test_what_a_lost_engine_said_last_is_told_until_it_is_resumed(tmp_path: Path) -> None:
    _, paths = make_run(tmp_path, epochs=6, done=4)
    paths.log.write_text("a warning\nTraceback (most recent call last):\n  x\nMemoryError: unable to allocate\n")
    viewer = RunStore(Home(tmp_path))
    (record,) = viewer.records()
    assert "(last checkpoint 4, 0s ago): MemoryError: unable to allocate · R resumes" in status_line(
        record, time.time()
    )
    (again,) = RunStore(Home(tmp_path)).records()  # read from the index
    assert again.summary.problem == record.summary.problem
    assert RunReader(Home(tmp_path), paths.root.name).record.summary.problem == record.summary.problem
    with engine(paths), EventLog(paths.events, 100) as event_log:
        event_log.append(Started())
        assert viewer.records()[0].status.live
    os.utime(paths.log, (1, 1))  # everything in it was written earlier
    assert "ago) · R resumes" in status_line(viewer.records()[0], time.time())
    paths.log.write_text("all went well\n")
    assert crash_reason(paths, None) == ""


async def test_a_retraining_says_what_it_trains(tmp_path: Path) -> None:
    store = RunStore(Home(tmp_path))
    run = make_run(tmp_path)[0].id
    for found, epoch in ((find("DrNAS_cifar10", store), None), (find(run, store), 3)):
        config = resolve(Draft(**asked(found, epoch), dataset="cifar10", device="cpu"))
        store.create(config, Labels())
        time.sleep(0.002)
    async with shown(tmp_path, (100, 24)) as pilot:
        told = [f"of {run[:8]}, epoch 3", "of DrNAS_cifar10"]
        for place, origin in enumerate(told, 1):
            assert origin in lines(pilot)[place]
            assert f"retrain {origin} ·" in said(pilot, "#identity")
            await pilot.press("j")


async def test_the_newest_run_is_a_key_away(tmp_path: Path) -> None:
    newest = [make_run(tmp_path)[0].id for _ in range(3)][-1]
    async with shown(tmp_path) as pilot:
        await pilot.press("S", "g", "O")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        assert pilot.app.screen.picture_name().find(newest[:8]) >= 0


async def test_runs_that_differ_in_seed_alone_fold_into_one_line(tmp_path: Path) -> None:
    alone = make_run(tmp_path, epochs=4)[0].id
    runs = [make_run(tmp_path, epochs=5, done=done, seed=seed)[0].id for seed, done in enumerate((5, 5, 2))]
    async with shown(tmp_path, (120, 24)) as pilot:
        for key, rows in (("j", 4), ("f", 2), ("f", 4)):
            await pilot.press(key)
            await until(pilot, lambda rows=rows: len(table(pilot).rows) == rows)  # type: ignore[misc]
        assert table(pilot).highlighted.id == runs[1]  # type: ignore[union-attr]
        await pilot.press("f")
        await until(pilot, lambda: "×3 seeds" in lines(pilot)[1])
        group, single = lines(pilot)[1:]
        assert "▲1 ✓2" in group
        assert "2-5/5" in group
        assert "93.26 ± 0.00" in group
        assert alone[:8] in single
        assert said(pilot, "#counts").startswith("4 runs · seeds folded · 1 lost")
        assert "seeds 0, 1, 2" in said(pilot, "#identity")
        assert "2 finished · 1 lost · best 93.26 ± 0.00 (2 of 3)" in said(pilot, "#status-line")
        await pilot.press("enter")
        assert [line[1] for line in lines(pilot)[1:]] == [" ", "│", "│", "│", " "]
        assert lines(pilot)[1].startswith("▸")
        await pilot.press("space")
        assert table(pilot).marked == set(runs)
        assert [line[1] for line in lines(pilot)[1:]] == ["*", "*", "*", "*", " "]
        await pilot.press("space", "k", "k", "enter")
        assert [line[1] for line in lines(pilot)[1:]] == ["-", " "]
        make_run(tmp_path, epochs=5, seed=3)
        await until(pilot, lambda: "×4 seeds" in lines(pilot)[1])
        assert lines(pilot)[1].startswith("▸")
        await pilot.press("escape", "f")
        await until(pilot, lambda: len(table(pilot).rows) == 5)
        assert table(pilot).highlighted.id == runs[2]  # type: ignore[union-attr]  # where it was last


async def test_a_group_is_compared_and_changed_as_its_runs(tmp_path: Path) -> None:
    runs = {make_run(tmp_path, seed=seed)[0].id for seed in range(2)}
    async with shown(tmp_path) as pilot:
        await pilot.press("f")
        await until(pilot, lambda: "×2 seeds" in lines(pilot)[1])
        await pilot.press("t")
        await until(pilot, lambda: isinstance(pilot.app.screen, AskLine))
        await pilot.press(*"both", "enter")
        store = RunStore(Home(tmp_path))
        await until(pilot, lambda: [record.labels.tags for record in store.records()] == [["both"]] * 2)
        await pilot.press("c")
        await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen))
        assert set(pilot.app.screen.run_ids) == runs


async def test_foreign_strings_are_only_text(tmp_path: Path) -> None:
    _, paths = make_run(tmp_path, name="[/x] [b]bold")
    paths.labels.write_text('{"name": "[/x] [b]a\\u001b[31m\\u202eb", "tags": ["[red]"], "note": ""}')
    async with shown(tmp_path, (100, 24)) as pilot:
        assert "[/x] [b]a[31mb" in lines(pilot)[1]
        assert "\x1b" not in lines(pilot)[1]
        await pilot.press("question_mark")
        assert isinstance(pilot.app.screen, KeysHelp)


class Host(App[None]):
    """Shows a table of runs and nothing else."""

    def compose(self) -> ComposeResult:
        yield RunTable()

    def fill(self, records: Sequence[Record]) -> RunTable:
        found = self.query_one(RunTable)
        found.show(records, wanted_widths(records), BY_TITLE["id"], backwards=False, now=2e9)
        return found


async def test_only_rows_that_have_changed_are_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for done in (1, 2):
        make_run(tmp_path, epochs=5, done=done)
    records = RunStore(Home(tmp_path)).records()
    async with Host().run_test() as pilot:
        found = pilot.app.fill(records)  # type: ignore[attr-defined]
        await pilot.pause()
        drawn: list[int] = []
        monkeypatch.setattr(found, "refresh", lambda *regions: drawn.extend(region.y - 1 for region in regions))
        pilot.app.fill(records)  # type: ignore[attr-defined]
        assert drawn == []
        records[1].summary.epoch += 2
        pilot.app.fill(records)  # type: ignore[attr-defined]
        assert drawn == [1]


async def test_an_idle_store_is_only_glanced_at_and_ages_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_run(tmp_path)
    async with shown(tmp_path) as pilot:
        store = pilot.app.screen.store  # type: ignore[attr-defined]
        looks, listings = [], []
        look = store.look
        monkeypatch.setattr(store, "look", lambda seconds: looks.append(look(seconds)) or looks[-1])
        await until(pilot, lambda: False in looks)  # the screen lists once more when it comes to the front
        monkeypatch.setattr(store, "records", lambda: listings.append("") or [])
        drawn = table(pilot).rows
        before = table(pilot)._now
        await until(pilot, lambda: looks.count(False) >= 3)
        await until(pilot, lambda: table(pilot)._now > before)
        assert not listings and table(pilot).rows is drawn, "no row was made anew"
        store.look = look
        make_run(tmp_path)
        await until(pilot, lambda: len(table(pilot).rows) == 2)
        assert not listings


async def test_a_run_that_comes_and_one_that_goes_leave_the_cursor_on_its_run(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        make_run(tmp_path, name=name)
    async with shown(tmp_path) as pilot:
        await pilot.press("j")
        assert table(pilot).highlighted.labels.name == "b"  # type: ignore[union-attr]
        make_run(tmp_path, name="d")
        await until(pilot, lambda: len(table(pilot).records) == 4)
        assert table(pilot).highlighted.labels.name == "b"  # type: ignore[union-attr]
        store = RunStore(Home(tmp_path))
        store.remove(store.records()[0])
        await until(pilot, lambda: len(table(pilot).records) == 3)
        assert table(pilot).highlighted.labels.name == "b"  # type: ignore[union-attr]


async def test_the_filter_works_while_it_is_typed(tmp_path: Path) -> None:
    make_run(tmp_path, name="apple", tags=["paper"])
    make_run(tmp_path, name="pear", epochs=5, done=2)
    async with shown(tmp_path) as pilot:
        await pilot.press("slash", *"appl")
        assert [record.labels.name for record in table(pilot).records] == ["apple"]
        assert said(pilot, "#counts").startswith("1 of 2 runs")
        await pilot.press("enter")
        assert pilot.app.focused is table(pilot)
        await pilot.press("slash", "x", "q")
        assert "No run matches" in said(pilot, "#nothing")
        await pilot.press("escape")
        assert len(table(pilot).records) == 2
        await pilot.press("slash", *"status", "colon", *"lost", "down")
        assert [record.labels.name for record in table(pilot).records] == ["pear"]
        assert pilot.app.focused is table(pilot)


async def test_filter_words_and_fields(tmp_path: Path) -> None:
    make_run(tmp_path, name="Apple Pie", tags=["paper", "kl"], seed=3)
    (record,) = RunStore(Home(tmp_path)).records()
    for text in ("", "apple", "pie digits", "method:drnas tag:kl", "STATUS:finished", "finished", record.id[:6]):
        assert RunFilter.parse(text).matches(record, Texts()), text
    for text in (
        "seed:3 name:pie",
        "kind:search data:digits dataset:digits",
        "best>90 best<95.5",
        "epoch=5",
        "seed>=3",
    ):
        assert RunFilter.parse(text).matches(record, Texts()), text
    for text in ("cherry", "apple cherry", "method:ista", "tag:pie", "status:lost", "http://x"):
        assert not RunFilter.parse(text).matches(record, Texts()), text
    for text in ("kind:retrain", "best>99", "bench>0", "epoch<5", "best>"):
        assert not RunFilter.parse(text).matches(record, Texts()), text


async def test_sorting_by_the_next_column_and_back(tmp_path: Path) -> None:
    for name, done in (("b", 5), ("a", 1), ("c", 3)):
        make_run(tmp_path, name=name, epochs=5, done=done)

    def names(pilot: Pilot[Any]) -> list[str]:
        return [record.labels.name for record in table(pilot).records]

    async with shown(tmp_path) as pilot:
        assert names(pilot) == ["c", "a", "b"]
        await pilot.press("S")
        assert names(pilot) == ["b", "a", "c"]
        while "name↑" not in table(pilot).render_line(0).text:
            await pilot.press("s")
        assert names(pilot) == ["a", "b", "c"]
        while "↓epoch" not in table(pilot).render_line(0).text:
            await pilot.press("s")
        assert names(pilot) == ["b", "c", "a"]


async def test_marks_and_tags_of_several(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        make_run(tmp_path, name=name, tags=["old"])
    async with shown(tmp_path) as pilot:
        await pilot.press("space", "space")
        assert "2 marked" in said(pilot, "#counts")
        await pilot.press("t")
        await until(pilot, lambda: isinstance(pilot.app.screen, AskLine))
        await pilot.press(*"new", "space", "minus", *"old", "enter")
        store = RunStore(Home(tmp_path))
        await until(pilot, lambda: [r.labels.tags for r in store.records()] == [["new"], ["new"], ["old"]])
        await pilot.press("escape")
        assert "marked" not in said(pilot, "#counts")


def hint(pilot: Pilot[Any]) -> str:
    line = pilot.app.screen_stack[0].query_one("#hint", Static)
    return str(line.content) if line.display else ""


async def test_a_first_start_is_told_three_keys_until_it_is_dismissed(tmp_path: Path) -> None:
    told = "n starts a run · ? explains the keys · q quits, runs continue · esc hides this"
    async with shown(tmp_path) as pilot:
        await until(pilot, lambda: hint(pilot) == told)
        await pilot.press("escape")
        assert hint(pilot) == ""
        await until(pilot, lambda: "esc" not in pilot.app.screen.query_one(KeyLine).render().plain)
        await until(pilot, (tmp_path / "dashboard.json").exists)
    async with shown(tmp_path) as pilot:
        await until(pilot, lambda: "No runs yet" in said(pilot, "#nothing"))
        assert hint(pilot) == ""


async def test_a_first_run_ends_the_hint_for_good(tmp_path: Path) -> None:
    async with shown(tmp_path) as pilot:
        await until(pilot, lambda: hint(pilot))
        make_run(tmp_path)
        await until(pilot, lambda: hint(pilot) == "")
        await until(pilot, (tmp_path / "dashboard.json").exists)


async def test_a_home_with_runs_has_no_hint_and_no_new_file(tmp_path: Path) -> None:
    make_run(tmp_path)
    async with shown(tmp_path) as pilot:
        assert hint(pilot) == ""
    assert not (tmp_path / "dashboard.json").exists()


async def test_the_hint_names_the_keys_of_the_user_and_writes_nothing_read_only(tmp_path: Path) -> None:
    settings = Settings(readonly=True, keys={"everywhere.keys": "f2"})
    app = NastuiApp(Home(tmp_path), settings=settings)
    async with app.run_test() as pilot:
        await until(pilot, lambda: hint(pilot) == "f2 explains the keys · q quits, runs continue · esc hides this")
        await pilot.press("escape")
        assert hint(pilot) == ""
    assert not (tmp_path / "dashboard.json").exists()


async def test_name_and_note_are_edited_in_one_form(tmp_path: Path) -> None:
    config, paths = make_run(tmp_path, name="a", tags=["old"])
    async with shown(tmp_path) as pilot:
        await pilot.press("i")
        await until(pilot, lambda: isinstance(pilot.app.screen, EditLabels))
        # Meanwhile somebody tags the run from a shell.
        store = RunStore(Home(tmp_path))
        store.label(store.find(config.id), lambda labels: labels.tags.append("new"))
        await pilot.press("b", "tab", *"seed", "space", "4", "enter")
        await until(pilot, lambda: Labels.read(paths) == Labels("ab", ["new", "old"], "seed 4"))
        await until(pilot, lambda: said(pilot, "#identity").startswith("ab · "))
        assert said(pilot, "#identity").endswith(" · seed 4")
        await pilot.press("i", "c", "escape")
        assert Labels.read(paths).name == "ab"


async def test_a_name_that_is_too_long_is_refused_in_the_form(tmp_path: Path) -> None:
    _, paths = make_run(tmp_path, name="a")
    async with shown(tmp_path) as pilot:
        await pilot.press("i")
        await until(pilot, lambda: isinstance(pilot.app.screen, EditLabels))
        pilot.app.screen.query_one("#name", Input).value = "x" * 81
        await pilot.press("enter")
        assert isinstance(pilot.app.screen, EditLabels)
        assert "at most 80 characters, got 81" in static(pilot.app.screen, "#problem")
        pilot.app.screen.query_one("#name", Input).value = ""
        await pilot.press("enter")
        await until(pilot, lambda: Labels.read(paths).name == "")


async def test_several_runs_have_no_name_in_common_to_edit(tmp_path: Path) -> None:
    for _ in range(2):
        make_run(tmp_path)
    async with shown(tmp_path) as pilot:
        await pilot.press("space", "space", "i")
        assert len(pilot.app.screen_stack) == 1


def test_one_runs_tags_are_the_whole_line() -> None:
    labels = Labels("", ["a", "b"])
    retagged("b, c", whole=True)(labels)
    assert labels.tags == ["b", "c"]


async def test_trash_asks_and_undo_brings_back(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        make_run(tmp_path, name=name)
    async with shown(tmp_path) as pilot:
        await pilot.press("d")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        await pilot.press("n")
        assert len(table(pilot).records) == 3
        await pilot.press("space", "space", "d")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: [r.labels.name for r in table(pilot).records] == ["a"])
        await pilot.press("u")
        await until(pilot, lambda: len(table(pilot).records) == 3)


async def test_a_running_run_is_not_removed_and_says_why(tmp_path: Path) -> None:
    _, paths = make_run(tmp_path, epochs=5, done=2)
    with engine(paths):
        async with shown(tmp_path) as pilot:
            await pilot.press("d")
            await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
            await pilot.press("y")
            await until(pilot, lambda: "is running" in toasts())
            assert paths.root.exists()


async def test_stop_and_pause_leave_requests(tmp_path: Path) -> None:
    _, paths = make_run(tmp_path, epochs=5, done=2)
    with engine(paths):
        async with shown(tmp_path) as pilot:
            await pilot.press("p")
            await until(pilot, lambda: waiting(paths.requests) == [Request.PAUSE])
            await pilot.press("x")
            await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
            await pilot.press("y")
            await until(pilot, lambda: "stopping" in said(pilot, "#status-line"))
            assert waiting(paths.requests) == [Request.PAUSE, Request.STOP]


async def test_resuming_on_changed_data_asks_and_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, _ = make_run(tmp_path, epochs=4, done=2, ended=False)
    accepted: list[str] = []

    def resume(record: Record, *, accept_changed_data: bool = False) -> Status:
        if not accept_changed_data:
            raise ChangedDataError("The data have changed: 1 file added.", "Go on: --accept-changed-data")
        accepted.append(record.id)
        return Status.RUNNING

    monkeypatch.setattr("runs.supervision.resuming.resume", resume)
    async with shown(tmp_path) as pilot:
        for answer in ("n", "y"):
            await pilot.press("R")
            await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
            assert "1 file added" in str(pilot.app.screen.query_one("#explanation", Static).content)
            await pilot.press(answer)
            if answer == "n":
                await until(pilot, lambda: "1 file added. Go on: --accept-changed-data" in toasts())
                assert accepted == []
        await until(pilot, lambda: accepted == [config.id])


async def test_resume_starts_engines_in_the_background(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, paths = make_run(tmp_path, epochs=5, done=2)
    resumed: list[str] = []
    monkeypatch.setattr("runs.supervision.resuming.resume", lambda record: resumed.append(record.id))
    async with shown(tmp_path) as pilot:
        await pilot.press("R")
        await until(pilot, lambda: resumed == [paths.root.name])


async def test_resume_wakes_a_paused_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, paths = make_run(tmp_path, epochs=5, done=2, ended=False)
    append(paths, Paused())
    resumed: list[str] = []
    monkeypatch.setattr("runs.supervision.resuming.resume", lambda record: resumed.append(record.id))
    with engine(paths):
        async with shown(tmp_path) as pilot:
            assert "1 paused" in said(pilot, "#counts")
            await pilot.press("R")
            await until(pilot, lambda: resumed == [paths.root.name])


async def test_a_broken_run_directory_is_counted_and_the_rest_shown(tmp_path: Path) -> None:
    make_run(tmp_path)
    _, broken = make_run(tmp_path)
    broken.config.write_text("{")
    async with shown(tmp_path) as pilot:
        assert said(pilot, "#counts") == "1 run · 1 unreadable"
        assert "run configuration" in toasts()


async def test_keys_help_lists_the_active_keys(tmp_path: Path) -> None:
    make_run(tmp_path)
    async with shown(tmp_path) as pilot:
        await pilot.press("question_mark")
        text = "\n".join(str(part.content) for part in pilot.app.screen.query(Static))
        for key in ("filter", "resume", "sort by the next column", "copy the id", "palette"):
            assert key in text
        await pilot.press("q")
        assert isinstance(pilot.app.screen, RunsScreen)


async def test_letters_are_letters_while_the_filter_is_typed(tmp_path: Path) -> None:
    make_run(tmp_path)
    async with shown(tmp_path) as pilot:
        await pilot.press("slash", *"qdxn")
        assert pilot.app.screen.query_one("#filter", Input).value == "qdxn"
        assert pilot.app.is_running


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120])
def test_columns_fit_every_width(tmp_path: Path, width: int) -> None:
    make_run(tmp_path, name="a long name of a run that goes on", tags=["one", "two"])
    make_run(tmp_path, name="b", epochs=600, done=3)
    columns, gap = laid_out(wanted_widths(RunStore(Home(tmp_path)).records()), width)
    assert sum(size for _, size in columns) + gap * (len(columns) - 1) <= width
    assert columns[0][0] is COLUMNS[0]


async def test_ten_thousand_runs_do_not_delay_a_key(tmp_path: Path) -> None:
    make_run(tmp_path)
    records = RunStore(Home(tmp_path)).records() * 10_000
    async with Host().run_test() as pilot:
        began = time.process_time()
        found = pilot.app.fill(records)  # type: ignore[attr-defined]
        for _ in range(20):
            found.action_page(1)
        assert time.process_time() - began < 1.0


def test_the_status_line_says_what_a_job_of_slurm_waits_for(tmp_path: Path) -> None:
    _, paths = make_run(tmp_path, epochs=6, done=4)
    home, run = Home(tmp_path), paths.root.name
    viewer = RunStore(home)
    assert viewer.records()[0].status is Status.LOST
    waits = State(job="7", state="PENDING", reason="Priority")
    with SlurmJobs(home).change() as document:
        document.entries[run] = Entry(run=run, submission="nastui-1", job="7", last=waits)
    assert viewer.look(1.0)
    (record,) = viewer.known()
    assert record.status is Status.QUEUED  # its engine has ended, but its job will start another one
    assert status_line(record, time.time()) == "Slurm: pending (Priority) · x cancels it"
    runs = State(job="7", state="RUNNING", nodes="node17", restarts=2)
    with SlurmJobs(home).change() as document:
        document.entries[run] = document.entries[run].model_copy(update={"last": runs})
    with engine(paths):
        assert viewer.look(1.0)
        assert status_line(viewer.known()[0], time.time()).endswith("running on node17, requeued 2 times")
    over = State(job="7", state="TIMEOUT")
    with SlurmJobs(home).change() as document:
        document.entries[run] = document.entries[run].model_copy(update={"last": over, "ended": True})
    assert "Its Slurm job 7 reached its time limit. · R resumes" in status_line(viewer.records()[0], time.time())


def test_a_run_that_slurm_will_start_is_not_resumed_and_one_that_never_started_is_submitted_again(
    tmp_path: Path,
) -> None:
    home, config = Home(tmp_path), frozen_run(Home(tmp_path), 30, 0)
    home.run(config.id).events.unlink()
    with SlurmJobs(home).change() as document:
        document.entries[config.id] = Entry(run=config.id, submission="nastui-1", job="7")
    (waiting,) = RunStore(home).records()
    assert (waiting.status, waiting.resumable) == (Status.QUEUED, False)
    assert can_stop(waiting)
    cancelled = State(job="7", state="CANCELLED")
    with SlurmJobs(home).change() as document:
        document.entries[config.id] = document.entries[config.id].model_copy(update={"last": cancelled, "ended": True})
    (lost,) = RunStore(home).records()
    assert (lost.status, lost.resumable) == (Status.LOST, True)
    assert status_line(lost, time.time()) == "Its Slurm job 7 was cancelled. R submits it again"
    reader = RunReader(home, config.id)
    assert (reader.record.status, reader.record.summary.problem) == (Status.LOST, "Its Slurm job 7 was cancelled.")


def test_a_finished_run_whose_job_has_not_ended_yet_cannot_be_stopped(tmp_path: Path) -> None:
    config, _ = make_run(tmp_path)
    with SlurmJobs(Home(tmp_path)).change() as document:
        document.entries[config.id] = Entry(run=config.id, submission="nastui-1", job="7")
    (record,) = RunStore(Home(tmp_path)).records()
    assert (record.status, record.is_in_slurm) == (Status.FINISHED, True)
    assert not can_stop(record)
