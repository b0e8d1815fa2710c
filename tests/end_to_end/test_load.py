"""CPU, memory and bytes of the app while it shows three live searches and a long one. Run with ``-m benchmark -s``."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import time
from collections.abc import Iterator

import psutil
import pytest

from nastui.app import NastuiApp
from runs.configuration import Draft, resolve
from runs.home import Home
from runs.log.event_log import EventLog
from runs.log.events import CheckpointWritten, Progress, Started
from runs.store.labels import Labels
from runs.store.lock import engine_lock
from runs.store.run_store import RunStore
from screens.compare.screen import CompareScreen
from tests.end_to_end.conftest import Cli
from tests.end_to_end.terminal import DOWN, ENTER, Terminal
from tests.screens.test_run_load import EPOCHS, darts_epoch, long_run
from tests.screens.test_runs_speed import Beat

MOST_OF_A_CORE, MOST_MEMORY, MOST_BYTES = 0.10, 150e6, {False: 8_000, True: 4_000}
WARM_SECONDS, SECONDS, HELD_SECONDS = 10, 60, 10
PROGRESS_SECONDS, EPOCH_SECONDS = 0.25, 2.0


@contextlib.contextmanager
def live(home: Home, number: int) -> Iterator[list[str]]:
    """Run searches that report progress four times a second, as often as any does, and an epoch every two seconds."""
    ended, made = threading.Event(), []
    for _ in range(number):
        config = resolve(Draft(method="drnas", space="darts", preset="quick", options={"epochs": 500}))
        made.append((config.id, RunStore(home).create(config, Labels())))

    def search(place: int) -> None:
        paths, generator = made[place][1], random.Random(place)
        with engine_lock(paths.lock), EventLog(paths.events) as event_log:
            event_log.append(Started({"device": "cpu"}))
            for epoch in range(1, 501):
                for step in range(int(EPOCH_SECONDS / PROGRESS_SECONDS)):
                    rate = 900 + 50 * generator.random()
                    now = {"train_loss": 1 / epoch}
                    event_log.append(Progress(epoch, 500, step, 8, rate, 1000 - epoch, 400_000_000, now))
                    if ended.wait(PROGRESS_SECONDS):
                        return
                event_log.append(darts_epoch(epoch, 500, generator))
                event_log.append(CheckpointWritten(epoch, 0, 100_000))

    threads = [threading.Thread(target=search, args=(place,)) for place in range(number)]
    for thread in threads:
        thread.start()
    try:
        yield [name for name, _ in made]
    finally:
        ended.set()
        for thread in threads:
            thread.join()


class Watched:
    """An app in a terminal, whose bytes are counted."""

    def __init__(self, cli: Cli, title: str, *keys: str, slow: bool) -> None:
        self.title, self.keys, self.slow = title, keys, slow
        self.terminal = Terminal(cli, *["--slow-line"] * slow)
        self.process = psutil.Process(self.terminal.process.pid)

    def open(self) -> None:
        """Go to the screen to be measured."""
        self.terminal.shows("4 runs")
        if self.keys:
            self.terminal.press(*self.keys)
            self.terminal.shows("q back")

    def begin(self) -> None:
        """Start counting."""
        self.terminal.received.clear()
        self.worked, self.began = self._work(), time.monotonic()

    def _work(self) -> float:
        used = self.process.cpu_times()
        return used.user + used.system

    def measured(self) -> tuple[float, float, float]:
        """Print and return the share of a core, the resident bytes, and the bytes per second to the terminal."""
        passed = time.monotonic() - self.began
        share, memory = (self._work() - self.worked) / passed, self.process.memory_info().rss
        sent = len(self.terminal.received) / passed
        print(f"{self.title:24} {share:6.1%} of a core, {memory / 1e6:4.0f} MB, {sent:6.0f} bytes/s")
        return share, memory, sent


@pytest.mark.benchmark
@pytest.mark.timeout(600)
def test_watching_costs_little(cli: Cli) -> None:
    past = long_run(cli.home)
    with live(cli.home, 3) as names, contextlib.ExitStack() as stack:
        watched = []
        wanted = {
            "runs": (),
            "run": ("/", names[0][:8], DOWN, ENTER),
            "compare": (" ", " ", " ", "c"),
            f"run of {EPOCHS:,} epochs": ("/", past[:8], DOWN, ENTER),
        }
        for title, keys in wanted.items():
            for slow in (False, True):
                watched.append(Watched(cli, f"{title}{', slow line' * slow}", *keys, slow=slow))
                stack.callback(watched[-1].terminal.process.close, force=True)
        for one in watched:
            one.open()
        _wait(watched, WARM_SECONDS)
        for one in watched:
            one.begin()
        _wait(watched, SECONDS)
        print()
        measured = [one.measured() for one in watched]
    for one, (share, memory, sent) in zip(watched, measured, strict=True):
        assert share < MOST_OF_A_CORE, one.title
        assert memory < MOST_MEMORY, one.title
        assert sent < MOST_BYTES[one.slow], one.title


@pytest.mark.benchmark
async def test_watching_never_blocks_the_app(home: Home) -> None:
    beat = Beat()
    print()
    with live(home, 3) as names:
        for title, size in ((title, size) for title in ("runs", "run", "compare") for size in ((80, 24), (200, 60))):
            app = NastuiApp(home, names[0] if title == "run" else None)
            async with app.run_test(size=size) as pilot:
                if title == "compare":
                    await app.push_screen(CompareScreen(app.store, names))
                await pilot.pause(3)
                async with beat.during(f"{title} {size}"):
                    await asyncio.sleep(HELD_SECONDS)


def _wait(watched: list[Watched], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for one in watched:
            one.terminal.read()
        time.sleep(0.2)
