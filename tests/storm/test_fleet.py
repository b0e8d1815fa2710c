"""A sweep through the queue while its dispatcher is killed, its terminal closes and a clock jumps; and after kill -9.

``NASTUI_STORM_SEEDS`` is the number of seeds of each of four methods, ``NASTUI_STORM_DISPATCHERS`` how many dispatchers
are killed. Engines are real processes, because what is tested is who starts them, and when.
"""

from __future__ import annotations

import contextlib
import os
import pty
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runs.fleet.queueing import ensure_dispatcher
from runs.fleet.sweep import Sweep
from runs.fleet.sweep_results import Results, results
from runs.fleet.sweep_store import SweepStore
from runs.formatting import count
from runs.home import Home
from runs.log.event_log import EventLogReader, starts
from runs.store.lock import is_held, owner_pid
from runs.store.queue import Queue
from runs.store.run_store import RunStore
from tests.end_to_end.conftest import COMMAND
from tests.storm.sizes import SEED, Account, size

SEEDS = size("SEEDS", 10, 1)
DISPATCHERS = size("DISPATCHERS", 50, 3)
SLOTS = 2
METHODS = ("drnas", "gdas", "darts", "snas")
TIMED = METHODS if SEEDS > 1 else METHODS[:1]  # run alone, for the pace of the kills
SMALL = ("epochs=2", "channels=4", "image_limit=300", "batch_size=32")  # seconds each
SETTINGS = (
    *("--space", "nasbench201", "--dataset", "digits", "--preset", "quick"),
    *(word for setting in SMALL for word in ("--set", setting)),
)
PATIENCE = 3600.0
# A dispatcher whose clock jumps by a year, first forwards and then back, while time goes on.
JUMPING = """
import itertools, sys, time
real, reads = time.time, itertools.count()
time.time = lambda: real() + (0, 3.15e7, -3.15e7)[next(reads) // 2 % 3]
time.time_ns = lambda: int(time.time() * 1e9)
from runs.fleet.dispatcher import main
sys.exit(main([sys.argv[1]]))
"""
pytestmark = [pytest.mark.storm, pytest.mark.timeout(7200)]


class Fleet:
    """Commands in a home, and what there is to kill."""

    def __init__(self, home: Home, folder: Path) -> None:
        self.home = home
        self.environment = os.environ | {"NASTUI_HOME": str(home.root), "TERM": "xterm-256color"}
        self.folder = folder

    def command(self, *words: str) -> str:
        """Run a command to its end and return what it printed on stdout and stderr."""
        done = subprocess.run(
            [*COMMAND, *words], env=self.environment, cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def in_terminal(self, *words: str) -> tuple[int, int]:
        """Start a command in a terminal of its own; return its process id and the other end of the terminal."""
        child, terminal = pty.fork()
        if not child:
            os.chdir(self.folder)
            os.execvpe(COMMAND[0], [*COMMAND, *words], self.environment)
        return child, terminal

    def sweep(self) -> Sweep:
        """Return the only sweep."""
        (found,) = SweepStore(RunStore(self.home)).all()
        return found

    def results(self) -> Results:
        """Return the state of the only sweep."""
        return results(self.sweep(), RunStore(self.home).records(), Queue(self.home).read())

    def kill(self, lock: Path) -> bool:
        """Kill the process that holds a lock; return whether there was one."""
        if not is_held(lock) or not (pid := owner_pid(lock)):
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return True

    def starts(self) -> dict[str, int]:
        """Return how often each run has been started."""
        return {member.run: starts(self.home.run(member.run).events) for member in self.sweep().members}


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    found = Fleet(Home(tmp_path / "home"), tmp_path)
    found.command("queue", "slots", str(min(SLOTS, len(os.sched_getaffinity(0)))))
    yield found
    found.kill(found.home.dispatcher)
    for run in found.home.runs.iterdir():
        found.kill(found.home.run(run.name).lock)


def until(holds: Callable[[], bool], every: float = 0.1) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(every)


def begin(home: Home, run: str) -> float:
    return next(entry.time for entry in EventLogReader(home.run(run).events).read())


def test_a_sweep_survives_its_terminal_fifty_dispatchers_and_a_jumping_clock(fleet: Fleet, tmp_path: Path) -> None:
    dice, account = random.Random(SEED), Account("dispatchers")
    alone = {}
    single = Fleet(Home(tmp_path / "single"), tmp_path)
    for method in TIMED:
        began = time.monotonic()
        single.command("search", method, *SETTINGS)
        alone[method] = time.monotonic() - began
    began = time.monotonic()
    words = ("search", METHODS[0], *SETTINGS, "--seeds", f"0-{SEEDS - 1}", "--grid", f"method={','.join(METHODS)}")
    child, terminal = fleet.in_terminal(*words)
    until(lambda: len(Queue(fleet.home).read().entries) == SEEDS * len(METHODS))
    until(lambda: is_held(fleet.home.dispatcher))
    os.close(terminal)  # the window is closed
    _, status = os.waitpid(child, 0)
    account.add("terminals closed")
    assert os.waitstatus_to_exitcode(status) != 0
    killed = 0
    each = sum(alone.values()) / len(TIMED) * len(METHODS) * SEEDS
    pace = each / SLOTS / (DISPATCHERS + 10)
    while not fleet.results().ended:
        if killed < DISPATCHERS and fleet.kill(fleet.home.dispatcher):
            killed += 1
            account.add("dispatchers killed")
            if killed == DISPATCHERS // 2:
                subprocess.Popen([sys.executable, "-P", "-c", JUMPING, str(fleet.home.root)], env=fleet.environment)
                until(lambda: is_held(fleet.home.dispatcher))
                account.add("clocks that jumped")
                time.sleep(2 * pace)
        time.sleep(dice.uniform(0, pace))
        ensure_dispatcher(fleet.home)
    elapsed = time.monotonic() - began
    members = [member.run for member in fleet.sweep().members]
    assert fleet.results().statuses == {"finished": len(members)}
    assert set(fleet.starts().values()) == {1}
    begun = sorted(members, key=lambda run: begin(fleet.home, run))
    # Two engines that start together may report that in either order.
    assert max(abs(place - begun.index(run)) for place, run in enumerate(members)) < SLOTS
    assert killed == DISPATCHERS
    assert Queue(fleet.home).read().waiting == []
    account.add("runs", len(members))
    print(f"\n{account}\n{elapsed:.0f} s for {len(members)} runs; one after the other {each:.0f} s ({alone})")


@pytest.mark.skipif(SEEDS == 1, reason="tests/end_to_end/test_sweeps.py does so with six runs")
def test_after_everything_is_killed_a_sweep_resumes_only_what_is_missing(fleet: Fleet) -> None:
    child, terminal = fleet.in_terminal()  # the dashboard
    number = max(SEEDS, 3 * SLOTS)  # so many that the last ones cannot have started when some have finished
    words = ("search", METHODS[0], *SETTINGS, "--seeds", f"0-{number - 1}", "--detach")
    fleet.command(*words)
    until(lambda: fleet.results().statuses.get("finished", 0) >= min(SLOTS, number // 2))
    fleet.kill(fleet.home.dispatcher)
    for member in fleet.sweep().members:
        fleet.kill(fleet.home.run(member.run).lock)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(terminal)
    before = fleet.results()
    done = {record.id: record.paths.events.read_bytes() for record in before.records if record.status == "finished"}
    started = fleet.starts()
    torn = started.keys() - done.keys() - Queue(fleet.home).pending()
    assert len(done) < number
    said = fleet.command("sweep", "resume", "latest")
    assert said == f"Queued {count(len(torn), 'run')} of sweep {fleet.sweep().id}.\n"
    until(lambda: fleet.results().ended)
    assert fleet.results().statuses == {"finished": number}
    assert {run: fleet.home.run(run).events.read_bytes() for run in done} == done
    assert fleet.starts() == {run: number + (run not in done) for run, number in started.items()}
    print(f"\n{len(done)} of {number} runs had finished, {len(torn)} were killed; {number - len(done)} ran afterwards")
