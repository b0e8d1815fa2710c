"""Ten thousand runs on the Runs screen: how long the UI thread is blocked. Run with ``-m benchmark -s``."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest

from nastui.app import NastuiApp
from runs.home import Home
from runs.store.lock import engine_lock
from screens.queue.screen import QueueScreen
from screens.runs.screen import RunsScreen
from screens.sweep.screen import SweepScreen
from screens.widgets.run_table import RunTable
from tests.runs.test_store_speed import RUNS, copy_runs
from tests.screens.fleets import copy_sweeps

HELD_UP_SECONDS = 0.05
MOST_OF_A_CORE, LOOKS = 0.02, 60


class Beat:
    """Asks for its turn a thousand times a second, and records the longest wait, overall and in processor time."""

    def __init__(self) -> None:
        self.waited = self.computed = 0.0

    @contextlib.asynccontextmanager
    async def during(self, title: str) -> AsyncIterator[None]:
        """Measure while the block runs, and print the result."""
        self.waited = self.computed = 0.0
        began, beating = time.perf_counter(), asyncio.create_task(self._beat())
        yield
        beating.cancel()
        print(
            f"{title:24} {time.perf_counter() - began:6.2f} s, "
            f"held up {1000 * self.waited:4.0f} ms at most, {1000 * self.computed:4.0f} ms of them computing"
        )
        assert self.computed < HELD_UP_SECONDS

    async def _beat(self) -> None:
        while True:
            began, at_work = time.perf_counter(), time.thread_time()
            await asyncio.sleep(0.001)
            self.waited = max(self.waited, time.perf_counter() - began - 0.001)
            self.computed = max(self.computed, time.thread_time() - at_work)


@pytest.mark.benchmark
@pytest.mark.timeout(600)
async def test_ten_thousand_runs_hold_nobody_up(home: Home) -> None:
    copy_runs(home)
    beat = Beat()
    print()
    app = NastuiApp(home)
    async with app.run_test(size=(120, 40)), beat.during("opening without an index"):
        while not app.query_one(RunTable).rows:
            await asyncio.sleep(0.01)
    assert home.index.exists()
    app = NastuiApp(home)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = app.screen
        assert isinstance(screen, RunsScreen)
        async with beat.during("opening"):
            while not screen.table.records:
                await asyncio.sleep(0.01)
        async with beat.during("three seconds of looking"):
            await asyncio.sleep(3)
        await pilot.press("slash")
        async with beat.during("typing status:lost best>9"):
            for key in ("s", "t", "a", "t", "u", "s", "colon", *"lost", "space", *"best", "greater_than_sign", "9"):
                await pilot.press(key)
        assert 0 < len(screen.table.records) < 10_000
        await pilot.press("escape")
        async with beat.during("sorting by all columns"):
            await pilot.press(*"ssssssssss")
        async with beat.during("to the end and back"):
            await pilot.press("G", "g")
        async with beat.during("folding"):
            await pilot.press("f")
            while len(screen.table.rows) == 10_000:
                await asyncio.sleep(0.01)
        assert 2_500 <= len(screen.table.rows) < 2_600
        async with beat.during("sorting groups"):
            await pilot.press(*"ssssssssss")
        async with beat.during("filtering groups"):
            await pilot.press("slash", *"quick1", "escape")
        async with beat.during("folding back"):
            await pilot.press("f")
            while len(screen.table.rows) < 10_000:
                await asyncio.sleep(0.01)


@pytest.mark.benchmark
@pytest.mark.timeout(600)
async def test_ten_thousand_runs_that_do_not_change_cost_little(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    copy_runs(home)
    app = NastuiApp(home)
    found: list[bool] = []
    look = app.store.look

    def noting(seconds: float) -> bool:
        found.append(look(seconds))
        return found[-1]

    monkeypatch.setattr(app.store, "look", noting)
    async with app.run_test(size=(120, 40)):
        while found.count(False) < 10:
            await asyncio.sleep(0.1)
        began, worked, looks = time.perf_counter(), time.process_time(), len(found)
        while len(found) < looks + LOOKS:
            await asyncio.sleep(0.1)
        share = (time.process_time() - worked) / (time.perf_counter() - began)
    print(f"\nidle, {LOOKS} looks at 10,000 runs: {share:.1%} of a core")
    assert share < MOST_OF_A_CORE


@pytest.mark.benchmark
@pytest.mark.timeout(900)
async def test_two_hundred_sweeps_of_fifty_runs_hold_nobody_up(home: Home) -> None:
    copy_sweeps(home)
    beat = Beat()
    print()
    with engine_lock(home.dispatcher):
        app = NastuiApp(home)
        async with app.run_test(size=(120, 40)), beat.during("opening without an index"):
            while not app.query_one(RunTable).rows:
                await asyncio.sleep(0.01)
        app = NastuiApp(home)
        async with app.run_test(size=(120, 40)) as pilot:
            screen = app.screen
            assert isinstance(screen, RunsScreen)
            async with beat.during("opening"):
                while not screen.table.rows:
                    await asyncio.sleep(0.01)
            assert len(screen.table.rows) == RUNS // 50
            async with beat.during("three seconds of looking"):
                await asyncio.sleep(3)
            async with beat.during("to the end and back"):
                await pilot.press("G", "g")
            async with beat.during("unfolding and folding"):
                await pilot.press("l", "h")
            async with beat.during("sorting sweeps"):
                await pilot.press(*"sssssssssss")
            async with beat.during("filtering sweeps"):
                await pilot.press("slash", *"status", "colon", *"queued", "escape")
            for rows in (RUNS // 4, RUNS, RUNS // 50):
                async with beat.during(f"folding into {rows:,} rows"):
                    await pilot.press("f")
                    while len(screen.table.rows) != rows:
                        await asyncio.sleep(0.01)
            async with beat.during("opening a sweep"):
                await pilot.press("g", "enter")
                while not (isinstance(app.screen, SweepScreen) and app.screen.table.highlighted):
                    await asyncio.sleep(0.01)
            async with beat.during("curves of 50 runs"):
                await pilot.press("2")
                while app.screen._curves is None:  # type: ignore[union-attr]
                    await asyncio.sleep(0.01)
            async with beat.during("moving through it"):
                await pilot.press(*"jjjjllll34")
            async with beat.during("opening the queue"):
                await pilot.press("Q")
                while not (isinstance(app.screen, QueueScreen) and app.screen.list.highlighted):
                    await asyncio.sleep(0.01)
            async with beat.during("to its end and back"):
                await pilot.press("G", "g")
            first = app.store.queue.read().waiting[0].run
            async with beat.during("moving a run of 2,500"):
                await pilot.press("J")
                while app.screen.list.highlighted.place != "2":  # type: ignore[union-attr]
                    await asyncio.sleep(0.01)
            assert app.store.queue.read().waiting[1].run == first


@pytest.mark.benchmark
@pytest.mark.timeout(900)
async def test_two_hundred_idle_sweeps_cost_little(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    copy_sweeps(home)
    with engine_lock(home.dispatcher):
        app = NastuiApp(home)
        found: list[bool] = []
        look = app.store.look

        def noting(seconds: float) -> bool:
            found.append(look(seconds))
            return found[-1]

        monkeypatch.setattr(app.store, "look", noting)
        async with app.run_test(size=(120, 40)) as pilot:
            for title, keys in (("runs", ()), ("queue", ("Q",)), ("sweep", ("q", "enter"))):
                found.clear()
                await pilot.press(*keys)
                while found[-5:] != [False] * 5:
                    await asyncio.sleep(0.1)
                began, worked, looks = time.perf_counter(), time.process_time(), len(found)
                while len(found) < looks + LOOKS // 2:
                    await asyncio.sleep(0.1)
                share = (time.process_time() - worked) / (time.perf_counter() - began)
                print(f"\nidle, 200 sweeps of 50 runs, 2,500 of which wait, {title}: {share:.1%} of a core")
                assert share < MOST_OF_A_CORE, title
