"""Random keys over all screens: no error, the dashboard stays alive, and its memory comes back to near its start.

The keys follow from a seed. ``NASTUI_STORM_KEYS`` and ``NASTUI_STORM_SEED`` choose how many and which.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import random
from collections import Counter
from pathlib import Path
from typing import Any
from weakref import WeakSet

import psutil
import pytest
from textual.pilot import Pilot
from textual.screen import Screen

from nastui.app import NastuiApp
from runs.home import Home
from screens.runs.screen import RunsScreen
from tests.screens.driving import future_runs, settle, until
from tests.screens.fleets import made_sweep
from tests.storm.sizes import SEED, size

KEYS = [
    *"abcdefghijklmnoprstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
    *("question_mark", "colon", "slash", "left_square_bracket", "right_square_bracket", "plus", "minus", "comma"),
    *("full_stop", "less_than_sign", "greater_than_sign", "asterisk", "exclamation_mark", "equals_sign"),
    *("up", "down", "left", "right", "pageup", "pagedown", "home", "end", "tab", "shift+tab", "space", "enter"),
    *("backspace", "delete", "ctrl+s", "ctrl+y", "ctrl+r", "ctrl+p", "ctrl+u", "ctrl+w", "f1", "f5"),
]
# Often enough to come back from a screen, and to open the next one.
FREQUENT = ["escape"] * 12 + ["n", "enter", "j", "down", "tab", "g", "Q"] * 4
NUMBER = size("KEYS", 10_000, 200)
MOST_MEGABYTES = 10
_BURST = 12
_FILLS_CACHES = 10_000
# Textual refers to the screen that handled the last key, and to the one below it.
_LAST_SCREENS = 3


async def press(home: Home, number: int, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Press random keys in bursts of random length, half of them new and then the same ones again.

    The second half shows nothing that was not imported and laid out in the first, so that what memory grows by in it is
    not given back. No process can be started, and the app cannot be quit.
    """
    monkeypatch.setattr("subprocess.Popen", _no_process)
    monkeypatch.setattr(NastuiApp, "action_quit", _stay)
    others = WeakSet(_screens())  # of apps of earlier tests
    app, seen, memory, at_rest = NastuiApp(home), Counter[str](), psutil.Process(), list[int]()
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, RunsScreen) and app.screen.runs.has_read)
        for _ in range(2):
            await _press_once(app, pilot, number // 2, seed, seen)
            at_rest.append(await _at_rest(app, memory))
            await until(pilot, lambda: len(_closed(app, others)) <= _LAST_SCREENS, lambda: _closed(app, others))
    log = home.root / "nastui.log"
    assert not log.exists(), log.read_text()
    grown = at_rest[1] - at_rest[0]
    print(f"{number} keys with seed {seed}: {dict(seen)}; {grown / 1e6:+.1f} MB")
    # Textual and Rich keep what they have laid out up to a number of entries, which takes some thousand keys.
    assert number < _FILLS_CACHES or grown < MOST_MEGABYTES * 1_000_000


async def _press_once(app: NastuiApp, pilot: Pilot[Any], number: int, seed: int, seen: Counter[str]) -> None:
    dice, pressed, left = random.Random(seed), list[str](), number
    while left > 0:
        burst = [dice.choice(FREQUENT if dice.random() < 0.4 else KEYS) for _ in range(dice.randint(1, _BURST))]
        burst = burst[:left]
        left -= len(burst)
        pressed = [*pressed[-40:], *burst]
        for key in burst:
            app.simulate_key(key)
            for _ in range(dice.choice((0, 0, 1, 5, 20))):
                await asyncio.sleep(0)
        await settle(pilot)
        seen[type(app.screen).__name__] += len(burst)
        assert app.is_running, f"seed {seed}, after {number - left} keys: {' '.join(pressed)}"


async def _at_rest(app: NastuiApp, memory: psutil.Process) -> int:
    """Close every screen above Runs, and return the memory in bytes."""
    while len(app.screen_stack) > 1:
        top = app.screen
        await app.pop_screen()
        assert app.screen is not top
    for _ in range(20):
        await asyncio.sleep(0.05)
    gc.collect()
    return int(memory.memory_info().rss)


def _screens() -> list[Screen[Any]]:
    return [found for found in gc.get_objects() if isinstance(found, Screen)]


def _closed(app: NastuiApp, others: WeakSet[Screen[Any]]) -> list[str]:
    """Return the closed screens that are still alive; timers and workers end some time after their screen."""
    gc.collect()
    return [repr(found) for found in _screens() if found not in others and found not in app.screen_stack]


def _no_process(*_: object, **__: object) -> None:
    raise OSError(errno.EAGAIN, "no process can be started")


async def _stay(_: NastuiApp) -> None:
    """Do not quit."""


@pytest.fixture(params=["empty", "runs", "sweeps"])
def some_home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.chdir(tmp_path)  # exports and pictures go to the current folder
    home = Home(tmp_path / "home")
    if request.param == "runs":
        future_runs(home.root)
    elif request.param == "sweeps":
        made_sweep(home, (5, 5, 3))
        made_sweep(home, (5,), grid={}, name="seeds")
    return home


async def test_a_few_keys(some_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    await press(some_home, 60, 17, monkeypatch)


@pytest.mark.storm
@pytest.mark.timeout(3600)
async def test_many_keys(some_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    await press(some_home, NUMBER, SEED, monkeypatch)
