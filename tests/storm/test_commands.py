"""Hostile command lines for every command and option: no traceback, an exit code of the table, nothing half-created.

``NASTUI_STORM_LINES`` is their number. New commands and options are tried without a new test.
"""

from __future__ import annotations

import json
import os
import random
import re
import shlex
import shutil
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runs.home import Home
from runs.store.lock import is_held
from tests.command_tree import commands, is_group
from tests.storm.copies import command, orphans, text
from tests.storm.hostile_words import Sandbox, line, sandbox
from tests.storm.sizes import SEED, WORKERS, Account, size
from tests.synthetic import make_run

LINES = size("LINES", 2000, 50)
PER_SANDBOX = 25
# docs/cli.md, "Exit codes"
CODES = (0, 1, 2, 3, 4, 5)
# They work until they are ended, or for long: an alarm may end them.
ENDLESS = {("serve",): 4, ("bench",): 6, ("profile",): 6}
SECONDS = 600
MOST_CHARACTERS, MOST_LINES = 4000, 8
# Caches, locks and logs, which any command may write.
UNTOLD = (
    "index.json",
    "index.lock",
    "measured.json",
    "dashboard.json",
    "queue",
    "queue.lock",
    "lock",
    "dispatcher.log",
)
pytestmark = [pytest.mark.storm, pytest.mark.timeout(7200)]


def test_hostile_command_lines(tmp_path: Path) -> None:
    account, lock, dice = Account("hostile command lines"), threading.Lock(), random.Random(SEED)
    known = sorted(commands().items(), key=lambda item: item[0])

    def work(worker: int) -> None:
        number = 0
        while True:
            with lock:
                if account.counts.get("command lines", 0) >= LINES:
                    return
                own = random.Random(dice.random())
            number += 1
            root = tmp_path / f"{worker}-{number}"
            root.mkdir()
            place = _furnished(root)
            for _ in range(PER_SANDBOX):
                words, what = own.choice(known)
                if is_group(what) and own.random() < 0.8:
                    continue
                typed = line(words, what, place, own)
                if fault := _fault(words, typed, place, root, account):
                    account.fault(f"{_shown(typed)}\n    {fault}")
            shutil.rmtree(root, ignore_errors=True)

    with ThreadPoolExecutor(WORKERS) as workers:
        list(workers.map(work, range(WORKERS)))
    account.end()
    assert orphans() == []


def _furnished(root: Path) -> Sandbox:
    home = Home(root / "home")
    for seed, (done, ended) in enumerate([(4, True), (2, False), (0, False)]):
        make_run(home.root, epochs=4, done=done, ended=ended, seed=seed, tags=["tagged"])
    make_run(home.root, epochs=4, done=4, seed=9)
    return sandbox(root / "folder", home.root)


def _succeeded_in_part(err: str) -> bool:
    """Return whether a command for several runs has done its work for some of them; it tells how many failed."""
    found = re.search(r"^(?:nastui: )?([0-9,]+) of ([0-9,]+) runs failed", err, re.MULTILINE)
    return found is not None and found[1] != found[2]


def _fault(words: tuple[str, ...], typed: list[str], place: Sandbox, root: Path, account: Account) -> str:
    """Type a command line and return what is wrong with its end; empty if all is well."""
    printed = root / "printed"
    printed.mkdir(exist_ok=True)
    before = _snapshot(place)
    seconds = ENDLESS.get(words, SECONDS)
    process = command(*typed, home=place.home, folder=place.folder, printed=printed, seconds=seconds, engines="stubs")
    process.join()
    quiet = _settled(Home(place.home))
    code, out, err = process.exitcode, text(printed, "stdout"), text(printed, "stderr")
    account.add("command lines")
    account.add(f"with exit code {code}")
    if code == -signal.SIGALRM and words in ENDLESS:
        return ""
    if code not in CODES:
        return f"exit code {code}: {err[-500:]}"
    if "Traceback" in out + err:
        return f"traceback: {(out + err)[-1500:]}"
    if code in (2, 3, 4, 5):
        after = _snapshot(place)
        if before != after and quiet and not _succeeded_in_part(err):
            return f"refused with {code}, but changed {sorted(dict(set(before.items()) ^ set(after.items())))}: {err}"
        if not err.strip() and not out.startswith("Usage"):
            return f"exit code {code} without a word"
        if not err.startswith("Usage") and (len(err) > MOST_CHARACTERS or err.count("\n") > MOST_LINES):
            return f"{err.count(chr(10))} lines and {len(err)} characters on stderr: {err[:300]}"
    if code == 0 and "--json" in typed and not {"--help", "-h", "--version"} & set(typed) and out:
        try:
            json.loads(out)
        except ValueError:
            if not all(_is_json(part) for part in out.splitlines()):
                return f"--json printed {out[:300]}"
    return ""


def _settled(home: Home) -> bool:
    """Wait until no engine and no dispatcher works that an earlier command has started; return whether that is so."""
    locks = [home.dispatcher, *(home.run(path.name).lock for path in home.runs.glob("[!.]*"))]
    for _ in range(100):
        if not any(is_held(lock) for lock in locks):
            return True
        time.sleep(0.05)
    return False


def _is_json(part: str) -> bool:
    try:
        json.loads(part)
    except ValueError:
        return False
    return True


def _snapshot(place: Sandbox) -> dict[str, tuple[int, int]]:
    """Return size and time of every file and folder that a refused command must not touch."""
    found = {}
    for top in (place.home, place.folder):
        for folder, _, names in os.walk(top):
            for path in (Path(folder), *(Path(folder) / name for name in names)):
                if path.name not in UNTOLD and path != place.home:
                    status = path.lstat()
                    found[str(path)] = (0, 0) if path.is_dir() else (status.st_size, status.st_mtime_ns)
    return found


def _shown(typed: list[str]) -> str:
    short = [word if len(word) < 100 else f"{word[:40]}…({len(word)})" for word in typed]
    return "nastui " + shlex.join(short).encode("unicode_escape", "surrogatepass").decode()
