"""Engines, viewers and writers of the index are killed: every run ends with the same bits, and nothing is left behind.

A kill is a SIGKILL. The chosen moments are inside the transition between two stages, at or in the middle of an
operation that writes a checkpoint, and at any other operation that writes a file; the process kills itself there. At
random moments it is killed from outside; some of those kills are a SIGTERM, which stops the run with a checkpoint.

``NASTUI_STORM_KILLS`` is their number. A copy of a process costs a tenth of a second, see ``tests/storm/copies.py``.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from runs.home import Home
from runs.store.lock import is_held
from runs.store.run_store import RunStore
from runs.store.status import Status
from tests.storm.copies import CHECKPOINT, NONE, Faults, command, dashboard, engine, orphans, text
from tests.storm.kinds import ENGINE_SECONDS, KINDS, Undisturbed, result, undisturbed
from tests.storm.sizes import SEED, WORKERS, Account, size
from tests.synthetic import make_run

KILLS = size("KILLS", 1000, 20)
SHORT_KINDS = ("prdarts-prdarts", "drnas-nasbench201", "evolution-nasbench201")
# Of all kills, so many hit an engine; of its kills, so many inside a transition, or while a checkpoint is written.
ENGINES, VIEWERS = 0.6, 0.15
PER_RUN = 6
MOMENTS = {"transition": 30, "checkpoint": 30, "disk": 15, "random": 15, "term": 10}
pytestmark = [pytest.mark.storm, pytest.mark.timeout(7200)]


@pytest.fixture(scope="module")
def ended(undisturbed_runs: Path) -> list[Undisturbed]:
    """A run of every kind, and how it ends undisturbed."""
    kinds = [kind for kind in KINDS if KILLS >= 200 or kind.name in SHORT_KINDS]
    first = undisturbed(kinds[0], undisturbed_runs)  # makes what the others share
    with ThreadPoolExecutor(WORKERS) as workers:
        return [first, *workers.map(lambda kind: undisturbed(kind, undisturbed_runs), kinds[1:])]


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    yield
    assert orphans() == []


class Struck:
    """A run whose engine is killed again and again.

    Args:
        whole: how it ends undisturbed.
        root: where its home is created.
        dice: choose the moments.
        account: counts the kills.
    """

    def __init__(self, whole: Undisturbed, root: Path, dice: random.Random, account: Account) -> None:
        self.whole, self.dice, self.account = whole, dice, account
        self.home = Home(root)
        self.home.prepare()
        if (whole.created.parent / "benchmarks").exists():
            shutil.copytree(whole.created.parent / "benchmarks", self.home.benchmarks)
        begun = whole.before_transition is not None and dice.random() < 0.7
        source = whole.before_transition if begun else whole.created
        assert source is not None
        self.paths = self.home.run(str(json.loads((source / "config.json").read_text())["id"]))
        shutil.copytree(source, self.paths.root)
        self.before = self._status()
        self.moments = {name: weight for name, weight in MOMENTS.items() if name != "transition" or whole.calls}

    def strike(self) -> bool:
        """Start an engine, kill it, check what it leaves, and return whether the run goes on."""
        (moment,) = self.dice.choices(list(self.moments), list(self.moments.values()))
        process = engine(self.paths.root, self._faults(moment))
        if moment in ("random", "term"):
            self._from_outside(process, signal.SIGKILL if moment == "random" else signal.SIGTERM)
        process.join(ENGINE_SECONDS)
        code = process.exitcode
        allowed_codes = (0, -signal.SIGKILL, -signal.SIGTERM) if moment == "term" else (0, -signal.SIGKILL)
        assert code in allowed_codes, (moment, code, self._log())
        status = self._status()
        if code or status is Status.STOPPED:
            self.account.add(f"kills of engines, {WORDS[moment]}")
        # An engine that is killed before it has said anything leaves the run as it was.
        allowed = {Status.FINISHED, Status.STOPPED} if not code else {Status.FINISHED, Status.LOST, self.before}
        assert status in allowed, (moment, code, status, self._log())
        self.before = status
        return status is not Status.FINISHED

    def end(self) -> None:
        """Let the run end, and compare every bit."""
        if self._status() is not Status.FINISHED:
            process = engine(self.paths.root)
            process.join(ENGINE_SECONDS)
            assert process.exitcode == 0, self._log()
        assert self._status() is Status.FINISHED
        found = result(self.paths)
        for name, expected in self.whole.result.items():
            assert found[name] == expected, f"{name} of a run of {self.whole.kind} differs: {self.paths.root}"
        left = [str(path) for path in self.home.root.rglob(".*")]
        assert not left, left
        self.account.add("runs compared bit for bit")
        shutil.rmtree(self.home.root)

    def _faults(self, moment: str) -> Faults:
        checkpoints, everything = self.whole.operations
        match moment:
            case "transition":
                return Faults(kill_in_transition=self.dice.randint(1, self.whole.calls))
            case "checkpoint":
                return Faults(kill_at=self.dice.randint(1, max(1, checkpoints // 3)), of=CHECKPOINT)
            case "disk":
                return Faults(kill_at=self.dice.randint(1, everything))
        return NONE

    def _from_outside(self, process: BaseProcess, number: signal.Signals) -> None:
        process.join(self.dice.uniform(0, self.whole.seconds))
        with contextlib.suppress(ProcessLookupError):
            assert process.pid is not None
            if number == signal.SIGTERM and not _handles_it(process.pid):
                number = signal.SIGKILL
            os.kill(process.pid, number)

    def _status(self) -> Status:
        store = RunStore(self.home)
        (record,) = store.records()
        assert store.unreadable == {}
        assert not is_held(self.paths.lock)
        return record.status

    def _log(self) -> str:
        return self.paths.log.read_text(errors="replace")[-3000:]


WORDS = {
    "transition": "inside a transition",
    "checkpoint": "inside the writing of a checkpoint",
    "disk": "at other writes",
    "random": "at random moments",
    "term": "by SIGTERM",
}


def _handles_it(pid: int) -> bool:
    """Return whether a process handles SIGTERM by now, or waits for it; before, it ends at once, as from a kill."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return False
    masks = [int(line.split()[1], 16) for line in lines if line.startswith(("SigCgt:", "SigBlk:"))]
    return any(mask >> (signal.SIGTERM - 1) & 1 for mask in masks)


def test_engines(ended: list[Undisturbed], tmp_path: Path) -> None:
    account, wanted, lock = Account("kills of engines"), round(ENGINES * KILLS), threading.Lock()
    dice = random.Random(SEED)

    def killed() -> int:
        return sum(number for what, number in account.counts.items() if what.startswith("kills"))

    def work(worker: int) -> None:
        number = 0
        while killed() < wanted:
            with lock:
                whole, own = dice.choice(ended), random.Random(dice.random())
            number += 1
            struck = Struck(whole, tmp_path / f"home-{worker}-{number}", own, account)
            with account.noting(whole.kind):
                for _ in range(PER_RUN):
                    if not struck.strike() or killed() >= wanted:
                        break
                struck.end()

    with ThreadPoolExecutor(WORKERS) as workers:
        list(workers.map(work, range(WORKERS)))
    account.end()


class Crowd:
    """Commands on a store with a few runs, several at a time, of which some are killed.

    Args:
        root: where the home is created.
        dice: choose commands and moments.
        account: counts the kills.
    """

    def __init__(self, root: Path, dice: random.Random, account: Account) -> None:
        self.root, self.dice, self.account = root, dice, account
        self.home = Home(root / "home")
        for seed in range(4):
            make_run(self.home.root, done=3 + seed % 2, ended=False, epochs=4, seed=seed)
        self.runs = sorted(path.name for path in self.home.runs.iterdir())
        self.number = 0

    def viewer(self) -> tuple[str, BaseProcess, Path]:
        """Start something that only reads."""
        run = self.dice.choice(self.runs)
        words = self.dice.choice(
            [
                ("runs", "list"),
                ("runs", "list", "--json"),
                ("runs", "follow", run),
                ("runs", "events", run, "--follow"),
                ("runs", "compare", *self.runs[:2]),
                (),
            ]
        )
        printed = self._printed()
        if words:
            return " ".join(words[:2]), self._command(words, printed), printed
        keys = [self.dice.choice(["j", "enter", "escape", "n", "question_mark", "c", "space"]) for _ in range(8)]
        return "dashboard", dashboard(self.home.root, self.root, keys, printed), printed

    def writer(self) -> tuple[str, BaseProcess, Path]:
        """Start something that changes labels, the index, or where a run is."""
        run, word = self.dice.choice(self.runs), f"w{self.dice.randrange(20)}"
        words = self.dice.choice(
            [
                ("runs", "tag", run, word),
                ("runs", "tag", run, "--remove", word),
                ("runs", "rename", run, word),
                ("runs", "note", run, word * 50),
                ("runs", "rm", run, "--yes"),
                ("runs", "restore", run),
                ("runs", "restore", run),
                ("runs", "reindex"),
                ("runs", "list"),
                ("search", "drnas", "--preset", "quick", "--name", "new", "--detach"),
            ]
        )
        faults = Faults(kill_at=self.dice.randint(1, 12)) if self.dice.random() < 0.6 else NONE
        printed = self._printed()
        return " ".join(words[:2]), self._command(words, printed, faults), printed

    def strike(self, kind: str, at_once: int) -> None:
        """Start several, kill what has not ended or killed itself, and check the store."""
        started = [self.viewer() if kind == "viewers" else self.writer() for _ in range(at_once)]
        for name, process, printed in started:
            process.join(self.dice.uniform(0, 0.4) if self.dice.random() < 0.7 else None)
            with contextlib.suppress(ProcessLookupError):
                assert process.pid is not None
                if process.is_alive():
                    os.kill(process.pid, signal.SIGKILL)
            process.join()
            assert process.exitcode in (0, 1, 3, 4, -signal.SIGKILL), (name, process.exitcode, text(printed, "stderr"))
            assert "Traceback" not in text(printed, "stderr"), (name, text(printed, "stderr"))
            if process.exitcode == -signal.SIGKILL:
                self.account.add(f"kills of {kind}")
        self.check()

    def check(self) -> None:
        """Every run is in one place, and everything can be read."""
        store = RunStore(self.home)
        found = {record.id for record in store.records()}
        assert store.unreadable == {}
        trash = {path.name for path in self.home.trash.iterdir()} if self.home.trash.exists() else set()
        assert found | trash >= set(self.runs)
        assert not found & trash
        assert all(record.labels.name == "new" for record in store.records() if record.id not in self.runs)
        for record in store.records():
            raw = json.loads(record.paths.labels.read_text())
            assert record.labels.name == raw["name"], "labels are whole"
        self.account.add("stores checked")

    def end(self) -> None:
        """Commands that nobody disturbs find everything in order, and clean up."""
        for run in self.runs:
            if not self.home.run(run).root.exists():
                self._ends(("runs", "restore", run))
        for run in self.runs:
            self._ends(("runs", "tag", run, "end"))
        self._ends(("runs", "reindex"))
        self._ends(("runs", "list"))
        for path in self.home.runs.glob(".*"):
            os.utime(path, (0, 0))  # half of a run is kept for an hour
        self._ends(("search", "drnas", "--preset", "quick", "--detach"))
        left = [str(path) for path in self.home.root.rglob(".*")]
        assert not left, left
        shutil.rmtree(self.root)

    def _ends(self, words: tuple[str, ...]) -> None:
        printed = self._printed()
        process = self._command(words, printed)
        process.join()
        assert process.exitcode == 0, (words, process.exitcode, text(printed, "stderr"))
        assert "Skipped" not in text(printed, "stderr")

    def _command(self, words: tuple[str, ...], printed: Path, faults: Faults = NONE) -> BaseProcess:
        return command(*words, home=self.home.root, folder=self.root, printed=printed, faults=faults, engines="stubs")

    def _printed(self) -> Path:
        self.number += 1
        folder = self.root / f"printed-{self.number}"
        folder.mkdir()
        return folder


@pytest.mark.parametrize(("kind", "share"), [("viewers", VIEWERS), ("writers", 1 - ENGINES - VIEWERS)])
def test_viewers_and_writers(tmp_path: Path, kind: str, share: float) -> None:
    account, wanted, lock = Account(f"kills of {kind}"), round(share * KILLS), threading.Lock()
    dice = random.Random(SEED)

    def work(worker: int) -> None:
        number = 0
        while account.counts.get(f"kills of {kind}", 0) < wanted:
            with lock:
                own = random.Random(dice.random())
            number += 1
            root = tmp_path / f"{worker}-{number}"
            root.mkdir()
            crowd = Crowd(root, own, account)
            with account.noting(root):
                for _ in range(8):
                    if account.counts.get(f"kills of {kind}", 0) >= wanted:
                        break
                    crowd.strike(kind, own.randint(1, 4))
                crowd.end()

    with ThreadPoolExecutor(WORKERS) as workers:
        list(workers.map(work, range(WORKERS)))
    account.end()
