"""The Sweep and Queue screens, and sweeps on the Runs screen, driven by keys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from nastui.app import NastuiApp
from runs.fleet.sweep import Sweep
from runs.fleet.sweep_store import SweepStore
from runs.home import Home, short_id
from runs.machine.devices import Gpu
from runs.machine.meters import Machine
from runs.store.queue import Queue
from runs.store.run_store import RunStore
from runs.store.slurm_jobs import SlurmJobs, State
from screens.compare.screen import CompareScreen
from screens.queue.screen import QueueScreen
from screens.run.screen import RunScreen
from screens.runs.screen import RunsScreen
from screens.settings import Settings
from screens.sweep.screen import SweepScreen
from screens.widgets.ask_line import AskLine
from screens.widgets.chart import Chart
from screens.widgets.confirm import Confirm
from screens.widgets.header import Header
from screens.widgets.key_line import KeyLine
from screens.widgets.parallel import Parallel
from screens.widgets.queue_list import QueueList
from screens.widgets.run_matrix import RunMatrixTable
from screens.widgets.wiring import Wiring
from tests.screens import fleets
from tests.screens.driving import opened, rows, static, text, toasts, until

REASONS = ("waits for a slot of the CPU (2 of 2 in use)", "held")


@asynccontextmanager
async def shown(
    home: Home, size: tuple[int, int] = (80, 24), *, readonly: bool = False
) -> AsyncIterator[tuple[Pilot[Any], Sweep]]:
    """The Runs screen with a sweep of twelve: five have finished, two run, five wait, one of them held."""
    sweep = fleets.made_sweep(home, (5, 5, 5, 5, 5, 3, 2))
    with fleets.queued(home, sweep, 2, REASONS):
        app = NastuiApp(home, settings=Settings(readonly=readonly))
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: "in the queue" in static(app.screen, "#counts"))
            yield pilot, sweep


def runs_screen(pilot: Pilot[Any]) -> RunsScreen:
    found = pilot.app.screen_stack[0]
    assert isinstance(found, RunsScreen)
    return found


async def sweep_screen(pilot: Pilot[Any]) -> SweepScreen:
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, SweepScreen))
    screen = pilot.app.screen
    assert isinstance(screen, SweepScreen)
    await until(pilot, lambda: "done" in static(screen, "#progress"))
    await pilot.pause()
    return screen


async def queue_screen(pilot: Pilot[Any]) -> QueueScreen:
    await pilot.press("Q")
    await until(pilot, lambda: isinstance(pilot.app.screen, QueueScreen))
    screen = pilot.app.screen
    assert isinstance(screen, QueueScreen)
    await until(pilot, lambda: "waiting" in static(screen, "#counts"))
    await pilot.pause()
    return screen


def waiting(home: Home) -> list[str]:
    return [entry.run for entry in Queue(home).read().waiting]


class TestRuns:
    async def test_a_sweep_is_one_line_that_says_how_far_all_its_runs_are(self, home: Home) -> None:
        async with shown(home, (120, 24)) as (pilot, sweep):
            screen = runs_screen(pilot)
            assert len(screen.table.rows) == 1
            line = screen.table.render_line(1).text
            assert "●2 ·5 ✓5" in line and "5/12 done" in line and "93.26 ± 0.00" in line
            assert static(screen, "#counts") == "12 runs · 2 running · 5 in the queue"
            said = static(screen, "#status-line")
            assert said.startswith("5/12 done, 2 running, 5 queued · best 93.26 ± 0.00 · top 93.26 (")
            assert "left · enter opens · l unfolds" in said
            assert f"sweep {sweep.id}" in static(screen, "#identity") and "seeds 0-2" in static(screen, "#identity")

    async def test_it_unfolds_by_a_key_and_a_queued_run_says_what_it_waits_for(self, home: Home) -> None:
        async with shown(home) as (pilot, _):
            screen = runs_screen(pilot)
            await pilot.press("l", "G")
            assert len(screen.table.rows) == 13
            await pilot.press(*"kkkkkkk")
            await until(pilot, lambda: "queued 1st" in static(screen, "#status-line"))
            assert "waits for a slot of the CPU (2 of 2 in use)" in static(screen, "#status-line")
            await pilot.press("enter")
            run = await opened(pilot)
            assert "queued 1st, waits for a slot of the CPU (2 of 2 in use)" in text(run, Header).replace("\n", " ")
            await pilot.press("q")
            await until(pilot, lambda: pilot.app.screen is screen)
            await pilot.press("h")
            assert len(screen.table.rows) == 1, "inside an unfolded sweep the key folds it"
            await pilot.press("h")
            assert len(screen.table.rows) == 1, "a folded sweep stays folded"
            await pilot.press("l", "l")
            assert len(screen.table.rows) == 1, "the other key folds, too"

    async def test_the_folding_key_goes_from_sweeps_to_seeds_to_nothing(self, home: Home) -> None:
        async with shown(home) as (pilot, _):
            table = runs_screen(pilot).table
            for number in (4, 12, 1):  # combinations, runs, sweeps
                await pilot.press("f")
                await until(pilot, lambda number=number: len(table.rows) == number)  # type: ignore[misc]

    async def test_a_waiting_run_is_taken_out_of_the_queue(self, home: Home) -> None:
        async with shown(home) as (pilot, _):
            first, *_ = waiting(home)
            await pilot.press("l", "slash", *first[:8], "enter")
            await until(pilot, lambda: len(runs_screen(pilot).table.rows) == 1)
            await pilot.press("x")
            await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
            assert any("out of the queue?" in row for row in rows(pilot.app))
            await pilot.press("y")
            await until(pilot, lambda: first not in waiting(home))

    async def test_a_folded_sweep_is_resumed_through_the_queue(self, home: Home) -> None:
        sweep = fleets.made_sweep(home, (5, 2), grid={}, seeds=(0, 1, 2))  # one is done, one is lost, one waits
        with fleets.queued(home, sweep):
            app = NastuiApp(home)
            async with app.run_test() as pilot:
                await until(pilot, lambda: "lost" in static(app.screen, "#counts"))
                await pilot.press("R")
                await until(pilot, lambda: f"Queued 1 run of sweep {sweep.id}" in toasts())
                assert waiting(home) == [sweep.members[2].run, sweep.members[1].run]

    async def test_a_folded_sweep_of_which_all_runs_wait_has_nothing_to_resume(self, home: Home) -> None:
        sweep = fleets.made_sweep(home, grid={}, seeds=(0, 1))
        with fleets.queued(home, sweep):
            app = NastuiApp(home)
            async with app.run_test() as pilot:
                await until(pilot, lambda: "2 in the queue" in static(app.screen, "#counts"))
                assert runs_screen(pilot).check_action("resume", ()) is None

    async def test_a_folded_sweep_goes_to_the_trash_as_a_whole_and_comes_back(self, home: Home) -> None:
        sweep = fleets.made_sweep(home, (5, 5, 2), grid={}, seeds=(0, 1, 2, 3))
        with fleets.queued(home, sweep):
            app = NastuiApp(home)
            async with app.run_test() as pilot:
                await until(pilot, lambda: "in the queue" in static(app.screen, "#counts"))
                await pilot.press("d")
                await until(pilot, lambda: isinstance(app.screen, Confirm))
                asked = " ".join(" ".join(rows(app)).replace("│", " ").split())
                assert f"Move sweep lr and batch ({sweep.id}) with 4 runs to the trash?" in asked
                await pilot.press("y")
                await until(pilot, lambda: not runs_screen(pilot).table.rows)
                assert [*home.sweeps.glob("*/sweep.json")] == [*home.runs.iterdir()] == waiting(home) == []
                await pilot.press("u")
                await until(pilot, lambda: len(runs_screen(pilot).table.records) == 4)
                assert [found.id for found in SweepStore(RunStore(home)).all()] == [sweep.id]
                assert "1/4" not in static(app.screen, "#status-line") and "1 unstarted" in static(
                    app.screen, "#status-line"
                )

    async def test_a_sweep_stays_if_only_some_of_its_runs_go_to_the_trash(self, home: Home) -> None:
        sweep = fleets.made_sweep(home, (5, 5, 5), grid={}, seeds=(0, 1, 2))
        app = NastuiApp(home)
        async with app.run_test() as pilot:
            await until(pilot, lambda: bool(runs_screen(pilot).table.rows))
            await pilot.press("l", "G", "d")
            await until(pilot, lambda: isinstance(app.screen, Confirm))
            assert any("The sweep stays" in row for row in rows(app))
            await pilot.press("y")
            await until(pilot, lambda: len(runs_screen(pilot).table.records) == 2)
            assert [found.id for found in SweepStore(RunStore(home)).all()] == [sweep.id]


class TestSweep:
    async def test_the_matrix_has_values_by_seeds_with_status_and_figures(self, home: Home) -> None:
        async with shown(home) as (pilot, _):
            screen = await sweep_screen(pilot)
            heading, first, second, *_ = screen.table.text.splitlines()
            assert heading.split() == ["learning_rate", "batch_size", "seed", "0", "1", "2", "best"]
            assert first == "▸0.01           64          ✓ 93.26  ✓ 93.26  · held   93.26 ± 0.00 (2 of 3)"
            assert "● 3/5" in second
            assert "lr and batch · nasbench201 · digits · quick" in static(screen, "#top")

    async def test_the_cell_that_most_runs_agree_on_has_its_votes(self, home: Home) -> None:
        async with shown(home) as (pilot, _):
            screen = await sweep_screen(pilot)
            drawn = text(screen, Wiring)
            assert "of 5 finished runs; dashed where fewer than two thirds agree" in drawn
            assert "1←0: conv3 5" in drawn

    async def test_curves_are_read_only_when_their_pane_opens(self, home: Home) -> None:
        async with shown(home) as (pilot, sweep):
            screen = await sweep_screen(pilot)
            assert screen._curves is None
            await pilot.press("l", "2")
            await until(pilot, lambda: screen._curves is not None)
            await pilot.pause()
            curves = screen.query_one(Chart).curves
            assert curves is not None
            member = next(member.run for member in sweep.members if member.seed == 1)
            assert [series.name for series in curves.series] == ["mean", "row", short_id(member)]
            assert [point[0] for point in curves.bands[0].points] == [1, 2, 3, 4, 5]

    async def test_values_are_drawn_against_the_figure(self, home: Home) -> None:
        async with shown(home) as (pilot, _):
            screen = await sweep_screen(pilot)
            await pilot.press("4")
            await pilot.pause()
            drawn = screen.query_one(Parallel).text
            assert drawn.splitlines()[0].split() == ["learning_rate", "batch_size", "best"]
            assert all(word in drawn for word in ("0.025", "128", "93.26"))

    async def test_without_a_grid_every_seed_has_a_line(self, home: Home) -> None:
        fleets.made_sweep(home, (5, 5, 3), grid={}, seeds=range(12))
        app = NastuiApp(home)
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: "12 runs" in static(app.screen, "#counts"))
            screen = await sweep_screen(pilot)
            assert "seed  run" in screen.table.text
            await pilot.press("G")
            assert screen.table.row == 11
            await pilot.press("4")
            await pilot.pause()
            assert "Only the seed varies" in screen.query_one(Parallel).text

    async def test_its_runs_are_opened_compared_and_stopped(self, home: Home) -> None:
        async with shown(home) as (pilot, sweep):
            await sweep_screen(pilot)
            await pilot.press("l", "l", "x")
            await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
            await pilot.press("y")
            held = next(member.run for member in sweep.members if member.seed == 2)
            await until(pilot, lambda: held not in waiting(home))
            await pilot.press("c")
            await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen))
            await pilot.press("q")
            await until(pilot, lambda: isinstance(pilot.app.screen, SweepScreen))
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))

    async def test_seeds_are_added(self, home: Home) -> None:
        async with shown(home) as (pilot, sweep):
            await sweep_screen(pilot)
            await pilot.press("plus")
            await until(pilot, lambda: isinstance(pilot.app.screen, AskLine))
            await pilot.press("2", "enter")
            await until(pilot, lambda: "already has the seed 2" in toasts())
            await pilot.press("plus", "3", "enter")
            await until(pilot, lambda: f"Queued 4 runs more of sweep {sweep.id}" in toasts())

    async def test_a_sweep_that_is_gone_is_said(self, home: Home) -> None:
        async with shown(home) as (pilot, _):
            screen = SweepScreen(RunStore(home), "deadbeef")
            pilot.app.push_screen(screen)
            await until(pilot, lambda: "The sweep 'deadbeef' is not there any more." in toasts())
            await pilot.press("q")
            await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen))


class TestQueue:
    async def test_lanes_have_what_runs_and_the_others_what_they_wait_for(self, home: Home) -> None:
        async with shown(home, (120, 24)) as (pilot, _):
            screen = await queue_screen(pilot)
            lines = screen.list.text.splitlines()
            assert static(screen, "#counts") == "2 running · 5 waiting · 1 held"
            assert "2 slots for queued runs" in lines[0]
            assert "cpu:0  3/5  3s left" in lines[1] and "cpu:1  2/5" in lines[2]
            assert "5 runs wait" in lines[3]
            assert "in 3s  waits for a slot of the CPU" in lines[4]
            assert "held" in lines[5]
            await pilot.press("j", "j")
            assert static(screen, "#reason") == f"queued 1st, {REASONS[0]}, will probably start in 3s"

    async def test_runs_are_held_released_moved_and_taken_out(self, home: Home) -> None:
        async with shown(home) as (pilot, _):
            screen = await queue_screen(pilot)
            first, second, third, *rest = waiting(home)
            await pilot.press("j", "j", "p")
            await until(pilot, lambda: static(screen, "#counts").endswith("2 held"))
            await pilot.press("R")
            await until(pilot, lambda: static(screen, "#counts").endswith("1 held"))
            await pilot.press("p")
            await until(pilot, lambda: static(screen, "#counts").endswith("2 held"))
            await pilot.press("p")
            await until(pilot, lambda: static(screen, "#counts").endswith("1 held"))
            await pilot.press("J", "J")
            await until(pilot, lambda: waiting(home) == [second, third, first, *rest])
            await pilot.press("K")
            await until(pilot, lambda: waiting(home) == [second, first, third, *rest])
            await until(pilot, lambda: screen.list.highlighted.place == "2")  # type: ignore[union-attr]
            await pilot.press("T")
            await until(pilot, lambda: waiting(home) == [first, second, third, *rest])
            await pilot.press("x")
            await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
            await pilot.press("y")
            await until(pilot, lambda: waiting(home) == [second, third, *rest])
            await until(pilot, lambda: "4 runs wait" in screen.list.text)

    async def test_members_show_what_their_sweep_varies(self, home: Home) -> None:
        async with shown(home, (120, 24)) as (pilot, sweep):
            screen = await queue_screen(pilot)
            assert [f"{short_id(line.run)}: {line.words[2]}" for line in screen.list._view.lines if line.waiting] == [
                f"{short_id(member.run)}: seed {member.seed} "
                f"learning_rate={member.values['learning_rate']} batch_size={member.values['batch_size']}"
                for member in sweep.members[7:]
            ]
            await pilot.resize_terminal(80, 24)
            await until(pilot, lambda: "seed 1 lr=0.025 bs=128  " in screen.list.text)
            assert screen.list.highlighted is not None
            assert f" · {screen.list.highlighted.words[2]} · " in static(screen, "#identity")

    async def test_slurm_has_a_section_with_its_reasons(self, home: Home) -> None:
        sweep = fleets.made_sweep(home, (3,), seeds=(0, 1), name="")
        states = (
            State(job="", state="RUNNING", nodes="node17", restarts=1),
            State(job="", state="PENDING", reason="Priority"),
            State(job="", state="PENDING", reason="Resources", starts="2999-11-27T14:20:00", restarts=2),
        )
        with fleets.in_slurm(home, sweep, states):
            app = NastuiApp(home)
            async with app.run_test(size=(140, 24)) as pilot:
                await until(pilot, lambda: "2 wait for Slurm" in static(app.screen, "#counts"))
                screen = await queue_screen(pilot)
                assert static(screen, "#counts") == "0 running · 0 waiting · 3 in Slurm"
                *_, title, runs, soon, later = screen.list.text.splitlines()
                assert title.strip() == "slurm · 1 running · 2 pending"
                assert "batch_size=64   node17  3/5  " in runs and runs.rstrip().endswith("left  requeued once")
                assert "learning_rate=0.025 batch_size=64  gpus         pending  Resources, starts" in soon
                assert later.rstrip().endswith("pending  Priority")
                assert short_id(sweep.members[0].run) not in "".join(screen.list.text.splitlines()[:-3]), "only there"
                await pilot.press("j")
                assert static(screen, "#reason") == (
                    "Slurm job 7_2, profile gpus: pending (Resources, starts about 27 Nov 14:20), requeued 2 times"
                )
                shown = app.screen.query_one(KeyLine).render().plain
                assert "hold" not in shown and "stop" in shown
                await pilot.press("x")
                await until(pilot, lambda: isinstance(app.screen, Confirm))
                assert any("Cancel the Slurm job of drnas" in row for row in rows(app))
                await pilot.press("n")
                with SlurmJobs(home).change() as document:
                    document.fault = "Slurm refused 'squeue': busy."
                await until(pilot, lambda: "2 pending · Slurm refused 'squeue': busy." in screen.list.text)

    async def test_gpus_are_lanes_with_their_memory(self, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
        gpus = (Gpu(0, "NVIDIA [/x] H200", 6_100_000_000, 139_700_000_000, 71),)
        monkeypatch.setattr("runs.machine.meters.Meter.look", lambda meter, pid=None: Machine(cores=2, gpus=gpus))
        async with shown(home, (120, 24)) as (pilot, _):
            screen = await queue_screen(pilot)
            first, second, *_ = screen.list.text.splitlines()
            assert first.strip() == "cuda:0 · NVIDIA [/x] H200 · 71 % busy · free 133.6 GB of 139.7 GB"
            assert second.strip() == "no run"

    async def test_readonly_shows_the_queue_and_changes_nothing(self, home: Home) -> None:
        async with shown(home, readonly=True) as (pilot, _):
            await queue_screen(pilot)
            before = waiting(home)
            await pilot.press("j", "j", "p", "J", "x")
            await pilot.pause()
            assert "hold" not in pilot.app.screen.query_one(KeyLine).render().plain
            assert waiting(home) == before

    async def test_an_empty_queue_says_how_to_fill_it(self, tmp_path: Path) -> None:
        app = NastuiApp(Home(tmp_path))
        async with app.run_test() as pilot:
            screen = await queue_screen(pilot)
            assert "No run waits." in static(screen, "#reason")
            assert screen.query_one(QueueList).highlighted is None


@pytest.mark.parametrize("readonly", [False, True])
async def test_a_dispatcher_that_is_gone_is_replaced(
    home: Home, readonly: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensured: Sequence[Home] = []
    monkeypatch.setattr("screens.runs.dispatcher.ensure_dispatcher", lambda home, queue: ensured.append(home))  # type: ignore[attr-defined]
    monkeypatch.setattr("screens.runs.dispatcher.SECONDS", 0.05)
    async with shown(home, readonly=readonly) as (pilot, _):
        await sweep_screen(pilot)  # whatever screen is in front
        if readonly:
            await pilot.pause(0.2)
            assert not ensured
        else:
            await until(pilot, lambda: len(ensured) > 2)


async def test_a_matrix_wider_than_the_screen_scrolls_with_the_cursor(home: Home) -> None:
    fleets.made_sweep(home, (5,), seeds=range(30))
    app = NastuiApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "120 runs" in static(app.screen, "#counts"))
        screen = await sweep_screen(pilot)
        assert " 29" not in screen.query_one(RunMatrixTable).text
        await pilot.press("G")
        assert " 29" in screen.query_one(RunMatrixTable).text
