"""Every file of a run and of the store, damaged in every way: nothing hangs, nothing ends without a word.

A file is cut, flipped, emptied, filled with other bytes, or replaced by a pipe, a folder, a device or a loop. After
that every command that reads it is typed, the dashboard is opened, and the run is resumed if it can be.
``NASTUI_STORM_DAMAGED`` is the number of damaged files.
"""

from __future__ import annotations

import os
import random
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from runs.home import Home, RunPaths
from runs.store.lock import is_held
from runs.store.run_store import RunStore
from tests.storm.copies import NONE, Faults, command, dashboard, engine, orphans, text
from tests.storm.kinds import ENGINE_SECONDS, Kind, created, result, table
from tests.storm.sizes import SEED, WORKERS, Account, size
from tests.synthetic import make_run

DAMAGED = size("DAMAGED", 400, 4)
SECONDS = 600
# docs/cli.md, "Exit codes"
CODES = (0, 1, 2, 3, 4, 5)
STORE = ("index.json", "index.lock", "measured.json", "config.toml", "benchmarks/nasbench201.table", "trash")
pytestmark = [pytest.mark.storm, pytest.mark.timeout(7200)]


def _cut(path: Path, dice: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: dice.randrange(len(content) or 1)])


def _flip(path: Path, dice: random.Random) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(dice.choice((1, 1, 4, 64))):
        if content:
            content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    path.write_bytes(content)


def _overwrite(path: Path, dice: random.Random) -> None:
    """Replace a stretch, as a disk that returns blocks of another file does."""
    content = bytearray(path.read_bytes())
    if content:
        start = dice.randrange(len(content))
        piece = dice.choice((bytes(512), dice.randbytes(512), b"\xff" * 512, b"[" * 512, b'"a": 1e999,' * 40))
        content[start : start + 512] = piece
    path.write_bytes(content)


def _double(path: Path, _: random.Random) -> None:
    path.write_bytes(path.read_bytes() * 2)


def _anew(make: Callable[[Path], object]) -> Callable[[Path, random.Random], None]:
    def replace(path: Path, _: random.Random) -> None:
        path.unlink()
        make(path)

    return replace


DAMAGES: dict[str, Callable[[Path, random.Random], None]] = {
    "cut": _cut,
    "flipped": _flip,
    "overwritten": _overwrite,
    "doubled": _double,
    "emptied": _anew(Path.touch),
    "pipe": _anew(os.mkfifo),
    "folder": _anew(Path.mkdir),
    "device": _anew(lambda path: path.symlink_to("/dev/zero")),
    "loop": _anew(lambda path: path.symlink_to(path.name)),
    "gone": lambda path, _: path.unlink(),
    "unreadable": lambda path, _: path.chmod(0),
}


@pytest.fixture(scope="module")
def whole(undisturbed_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with a stopped search and retraining, finished ones, a table, labels, an index and settings."""
    home = Home(tmp_path_factory.mktemp("whole") / "home")
    home.prepare()
    shutil.copytree(table(undisturbed_runs), home.benchmarks)
    for kind in (Kind("gdas", "nasbench201"), Kind("retrain", "nasbench201")):
        for stopped in (True, False):
            paths = created(kind, home)
            process = engine(paths.root, Faults(kill_at=230) if stopped else NONE)
            process.join(ENGINE_SECONDS)
            assert stopped or process.exitcode == 0, paths.log.read_text()
    _, paths = make_run(home.root, name="a name", tags=["tag"])
    store = RunStore(home)
    store.remove(store.find(make_run(home.root)[1].root.name))
    store.reindex()
    (home.root / "config.toml").write_text('theme = "textual-dark"\n[keys]\n"runs.stop" = "ctrl+x"\n')
    home.measurements.write_text('{"version": 1, "figures": []}\n')
    return home


class Damaged:
    """A copy of the home in which one file is damaged."""

    def __init__(self, whole: Home, root: Path, dice: random.Random, account: Account) -> None:
        self.root, self.dice, self.account = root, dice, account
        self.home = Home(root / "home")
        shutil.copytree(whole.root, self.home.root)
        inside = [path for path in sorted(self.home.runs.rglob("*")) if path.is_file()]
        store = [path for name in STORE if (path := self.home.root / name).is_file()]
        self.path = dice.choice(dice.choice((inside, inside, inside, store)))
        self.how = dice.choice(list(DAMAGES))
        DAMAGES[self.how](self.path, dice)
        names = sorted(path.name for path in self.home.runs.iterdir())
        self.run = self.path.relative_to(self.home.runs).parts[0] if self.path.is_relative_to(self.home.runs) else ""
        self.other = dice.choice([name for name in names if name != self.run])
        self.run = self.run or dice.choice([name for name in names if name != self.other])
        self.had_finished = self.home.run(self.run).genotype.exists()
        self.faults: list[str] = []

    def tried(self) -> list[str]:
        """Type every command, open the dashboard, resume the run; return what was wrong."""
        self.account.add("damaged files")
        out = self.root / "bundle"
        for words in (
            ("runs", "list"),
            ("runs", "list", "--json"),
            ("runs", "show", self.run),
            ("runs", "show", self.run, "--json"),
            ("runs", "events", self.run),
            ("runs", "compare", self.run, self.other),
            ("runs", "export", self.run, "--to", str(out)),
            ("runs", "follow", self.run, "--plain"),
            ("genotype", "show", self.run),
            ("benchmark", "list"),
        ):
            code = self._types(*words)
            if words[1] == "list" and words[0] == "runs" and code not in (0, 5):
                self._note(" ".join(words), f"exit code {code}: one file takes the list down")
            if words[1] == "export" and (code == 0) != out.exists():
                self._note(
                    "runs export", f"exit code {code}, and the bundle is {'there' if out.exists() else 'missing'}"
                )
        keys = self.dice.choice(
            (["enter", "1", "2", "3", "4", "5", "6"], ["G", "enter", "question_mark"], ["n"], ["L"])
        )
        self._ends("the dashboard", dashboard(self.home.root, self.root, keys, self._printed(), SECONDS))
        self._types("runs", "tag", self.run, "tagged")
        self._types("runs", "resume", self.run)
        self._engine_ends()
        self._has_the_same_bits()
        self._types("runs", "rm", self.run, "--yes")
        shutil.rmtree(self.root, ignore_errors=True)
        return self.faults

    def _has_the_same_bits(self) -> None:
        """A run that has gone on from a damaged checkpoint must have noticed, and ended as if nothing had happened."""
        paths = self.home.run(self.run)
        if self.path.name != paths.checkpoint.name or self.had_finished or not paths.genotype.exists():
            return
        method = self.run.split("-")[1]
        other = next(run for run in self.home.runs.glob(f"*-{method}-*") if run.name != self.run)
        if result(paths) != result(RunPaths(other)):
            self._note("runs resume", "the run has finished with other bits")
        self.account.add("runs compared bit for bit")

    def _engine_ends(self) -> None:
        """Wait for the engine that a command has started."""
        paths = RunPaths(self.home.run(self.run).root)
        for _ in range(ENGINE_SECONDS * 20):
            if not is_held(paths.lock):
                break
            threading.Event().wait(0.05)
        else:
            self._note("runs resume", "the engine does not end")

    def _types(self, *words: str) -> int | None:
        printed = self._printed()
        process = command(*words, home=self.home.root, folder=self.root, printed=printed, seconds=SECONDS)
        return self._ends(" ".join(words[:2]), process)

    def _ends(self, what: str, process: BaseProcess) -> int | None:
        process.join()
        out, err = text(self._printed(), "stdout"), text(self._printed(), "stderr")
        self.account.add("commands")
        if process.exitcode not in CODES:
            self._note(what, f"exit code {process.exitcode}: {err[-800:]}")
        elif "Traceback" in out + err:
            self._note(what, (out + err)[-1500:])
        elif process.exitcode and not (err + out).strip():
            self._note(what, f"exit code {process.exitcode} without a word")
        return process.exitcode

    def _note(self, what: str, fault: str) -> None:
        name = self.path.name
        self.faults.append(f"{name} {self.how}: {what}: {fault}")

    def _printed(self) -> Path:
        folder = self.root / "printed"
        folder.mkdir(exist_ok=True)
        return folder


def test_damaged_files(whole: Home, tmp_path: Path) -> None:
    account, lock, dice = Account("damaged files"), threading.Lock(), random.Random(SEED)

    def work(number: int) -> None:
        with lock:
            own = random.Random(dice.random())
        root = tmp_path / str(number)
        root.mkdir()
        for fault in Damaged(whole, root, own, account).tried():
            account.fault(fault)

    with ThreadPoolExecutor(WORKERS) as workers:
        list(workers.map(work, range(DAMAGED)))
    account.end()
    assert orphans() == []
