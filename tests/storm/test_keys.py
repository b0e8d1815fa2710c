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

import psutil
import pytest

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


async def press(home: Home, number: int, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Press random keys in bursts of random length. No process can be started, and the app cannot be quit."""
    monkeypatch.setattr("subprocess.Popen", _no_process)
    monkeypatch.setattr(NastuiApp, "action_quit", _stay)
    dice, pressed, left, seen = random.Random(seed), list[str](), number, Counter[str]()
    app = NastuiApp(home)
    memory = psutil.Process()
    start = 0
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, RunsScreen) and app.screen._has_read)
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
            if not start and left < 0.7 * number:  # every screen has been imported and laid out once
                start = await _at_rest(app, memory)
        end = await _at_rest(app, memory)
    log = home.root / "nastui.log"
    assert not log.exists(), log.read_text()
    print(f"{number} keys with seed {seed}: {dict(seen)}; {(end - start) / 1e6:+.1f} MB")
    assert end - start < MOST_MEGABYTES * 1_000_000


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
