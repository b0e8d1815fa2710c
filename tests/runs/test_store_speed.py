"""How long it takes to list ten thousand runs. Run with ``-m benchmark -s``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from runs.home import Home
from runs.log.event_log import EventLog
from runs.log.events import Progress
from tests.runs.processes import output
from tests.synthetic import make_run

RUNS = 10_000
FRESH_LISTING_SECONDS = 1.5

LISTING = """
import time
started = time.perf_counter()
import json, pathlib, sys
from runs.home import Home
from runs.store.run_store import RunStore
imported = time.perf_counter()
store = RunStore(Home(pathlib.Path(sys.argv[1])))
runs = len(store.records())
listed = time.perf_counter()
store.records()
again = time.perf_counter()
print(json.dumps({"runs": runs, "import": imported - started, "list": listed - imported, "again": again - listed}))
"""


def listing(home: Home, title: str) -> float:
    """List in a fresh process; return the seconds, including imports."""
    told = json.loads(output(LISTING, home.root))
    assert told["runs"] == RUNS
    print(f"{title:36} {told['list']:6.2f} s, imports {told['import']:.2f} s, listing again {told['again']:.2f} s")
    return float(told["import"] + told["list"])


def copy_runs(home: Home) -> list[Path]:
    """Fill a store with copies of a few runs, with new ids and creation times; groups of four differ only in seed."""
    models = [make_run(home.root, epochs=5, done=done)[1] for done in (5, 5, 5, 2)]
    folders = [model.root for model in models]
    for number in range(RUNS - len(models)):
        model = models[number % len(models)]
        raw = json.loads(model.config.read_text())
        raw |= {"id": f"{number:08x}-drnas-nasbench201", "created": f"2026-01-01T00:{number:06}+00:00"}
        raw |= {"seed": number % 4, "preset": f"quick{number // 4}"}
        folder = home.runs / raw["id"]
        shutil.copytree(model.root, folder, copy_function=shutil.copyfile)
        (folder / "config.json").write_text(json.dumps(raw))
        folders.append(folder)
    return folders


@pytest.mark.benchmark
@pytest.mark.timeout(600)
def test_listing_ten_thousand_runs(home: Home) -> None:
    folders = copy_runs(home)
    print()
    listing(home, "first listing, which builds the index")
    assert listing(home, "from the index") < FRESH_LISTING_SECONDS
    for folder in folders[:3]:
        with EventLog(folder / "events.jsonl") as event_log:
            event_log.append(Progress())
    assert listing(home, "with three changed runs") < FRESH_LISTING_SECONDS * 2
    print(f"{'size of the index':36} {home.index.stat().st_size / 1e6:6.1f} MB")
