"""Draw the pictures of the README from real runs: ``python docs/pictures.py [NAME ...]``; without names, all of them.

The runs are quick presets on the embedded data set, in a temporary home; each takes one to several minutes on a CPU.
With ``--home FOLDER`` they are kept, and runs that are already there are used again.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from textual.screen import Screen

from nastui.app import NastuiApp
from runs.fleet.sweep_store import SweepStore
from runs.home import Home
from runs.store.record import Record
from runs.store.run_store import RunStore
from runs.store.status import Status
from screens.compare.screen import CompareScreen
from screens.queue.screen import QueueScreen
from screens.sweep.screen import SweepScreen
from screens.widgets.queue_list import QueueList
from screens.widgets.run_matrix import RunMatrixTable
from screens.widgets.run_table import RunTable

HERE = Path(__file__).parent
SIZE, TALL = (120, 36), (120, 48)


@dataclass(frozen=True)
class Picture:
    """A picture of one run, of several side by side, or of a sweep.

    Attributes:
        searches: the arguments of ``nastui search``, for each search; of a sweep they have seeds.
        epoch: the picture is taken once every search has completed this epoch or ended; of a sweep, once so many runs
            have finished.
        keys: keys to press before the picture is taken.
        size: columns and rows; taller for methods with a large panel.
    """

    searches: tuple[str, ...]
    epoch: int
    keys: tuple[str, ...] = ()
    size: tuple[int, int] = SIZE


SWEEP = "drnas --space nasbench201 --set epochs=12 --seeds 0-3 --grid learning_rate=0.01,0.025,0.1"
PICTURES = {
    "run": Picture(("drnas --space nasbench201 --seed 3",), 24),
    "ista": Picture(("ista_onestage",), 12, size=TALL),
    "tenas": Picture(("tenas --space nasbench201",), 2, size=TALL),
    "prdarts": Picture(("prdarts",), 7, ("full_stop",), TALL),
    "compare": Picture(("drnas --space nasbench201 --seed 1", "darts --space nasbench201 --seed 1"), 30, size=TALL),
    "queue": Picture((SWEEP,), 4, ("Q", "j", "j"), (120, 24)),
    "sweep": Picture((SWEEP,), 8, ("enter", "l", "j"), TALL),
}


def main() -> None:
    """Draw the pictures named on the command line."""
    parser = argparse.ArgumentParser(description="Make the pictures of the README.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PICTURES))
    parser.add_argument("--home", type=Path, help="keep the runs in this folder")
    given = parser.parse_args()
    if unknown := set(given.names) - set(PICTURES):
        parser.error(f"there is no picture '{min(unknown)}': {', '.join(PICTURES)}")
    os.environ["COLORTERM"] = "truecolor"
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NASTUI_HOME"] = str(given.home or folder)
        for name in given.names or PICTURES:
            take(name, PICTURES[name])


def take(name: str, picture: Picture) -> None:
    """Run the searches as far as a picture needs, and draw it."""
    home = Home.locate()
    if "--seeds" in picture.searches[0]:
        swept(home, picture.searches[0], picture.epoch)
        asyncio.run(saved(home, [], HERE / f"{name}.svg", picture))
        return
    runs = [searched(home, words, picture.epoch) for words in picture.searches]
    asyncio.run(saved(home, [run.id for run in runs], HERE / f"{name}.svg", picture))
    for run in runs:
        if RunStore(home).find(run.id).status.live:
            nastui("runs", "stop", run.id)


def searched(home: Home, words: str, epoch: int) -> Record:
    """Return a search that has completed an epoch or ended, either an existing one or a new one."""
    home.prepare()
    tag = words.replace(" ", "")[:40]
    known = [record for record in RunStore(home).records() if tag in record.labels.tags]
    if not known:
        # With one thread, the numbers are the same on every machine.
        nastui("search", *words.split(), "--preset", "quick", "--set", "threads=1", "--tag", tag, "--detach")
    while True:
        run = next(record for record in RunStore(home).records() if tag in record.labels.tags)
        if run.summary.epoch >= epoch or not run.status.live:
            return run
        time.sleep(0.2)


def swept(home: Home, words: str, done: int) -> None:
    """Wait until so many runs of a sweep have finished, or none runs any more; start it if it does not exist."""
    if not SweepStore(RunStore(home)).all():
        nastui("search", *words.split(), "--preset", "quick", "--set", "threads=1", "--name", "rates", "--detach")
    while True:
        records = [record for record in RunStore(home).records() if record.head["sweep"]]
        if sum(record.status is Status.FINISHED for record in records) >= done:
            return
        time.sleep(0.2)


def nastui(*words: str) -> None:
    """Run a command of nastui."""
    subprocess.run([Path(sys.executable).parent / "nastui", *words], check=True)


async def saved(home: Home, runs: Sequence[str], path: Path, picture: Picture) -> None:
    """Save the Run screen of one run, the Compare screen of several, or what keys open from Runs, as SVG."""
    app = NastuiApp(home, runs[0] if len(runs) == 1 else None)
    async with app.run_test(size=picture.size) as pilot:
        if len(runs) > 1:
            await app.push_screen(CompareScreen(app.store, runs))
        await pilot.pause(2.0)
        if not runs:
            while not app.query_one(RunTable).rows:
                await pilot.pause(0.1)
        for key in picture.keys:
            await pilot.press(key)
            while not _has_read(app.screen):
                await pilot.pause(0.1)
        await pilot.pause(2.0 if not runs else 0.5)
        path.write_text(app.export_screenshot(title="nastui"), encoding="utf-8")


def _has_read(screen: Screen[object]) -> bool:
    match screen:
        case SweepScreen():
            return bool(screen.query(RunMatrixTable)) and bool(screen.table.highlighted)
        case QueueScreen():
            return bool(screen.query(QueueList)) and screen.list.highlighted is not None
    return True


if __name__ == "__main__":
    main()
