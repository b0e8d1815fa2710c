"""Disks that are full, read-only or without locks: a sentence, nothing half-created, and the run goes on later.

The disk is full at random writes of :class:`runs.files.Disk`. On Linux, root also tries a small disk and a read-only
one, in a mount namespace of its own. ``NASTUI_STORM_FULL`` is the number of full disks.
"""

from __future__ import annotations

import ctypes
import os
import random
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runs.home import Home
from runs.store.run_store import RunStore
from runs.store.status import Status
from tests.storm.copies import NONE, Faults, command, engine, in_a_copy, orphans, text
from tests.storm.kinds import ENGINE_SECONDS, KINDS, Undisturbed, result, undisturbed
from tests.storm.sizes import SEED, WORKERS, Account, noting, size
from tests.synthetic import make_run
from tests.tabulated import write_csv

FULL = size("FULL", 200, 8)
SHORT_KINDS = ("gdas-nasbench201", "retrain-nasbench201")
SECONDS = 600
_NEW_MOUNTS, _PRIVATE = 0x20000, 0x44000  # CLONE_NEWNS, MS_REC | MS_PRIVATE
_READ_ONLY, _REMOUNT = 1, 32
pytestmark = [pytest.mark.storm, pytest.mark.timeout(7200)]


@pytest.fixture(scope="module")
def ended(undisturbed_runs: Path) -> list[Undisturbed]:
    """Runs that nothing disturbs."""
    return [undisturbed(kind, undisturbed_runs) for kind in KINDS if kind.name in SHORT_KINDS]


def begin(whole: Undisturbed, root: Path) -> Home:
    """Return a home with a run that no engine has seen."""
    home = Home(root)
    home.prepare()
    shutil.copytree(whole.created, home.run(_id(whole)).root)
    shutil.copytree(whole.created.parent / "benchmarks", home.benchmarks)
    return home


def _id(whole: Undisturbed) -> str:
    return next((whole.created.parent / "runs").iterdir()).name


def test_engines_on_a_full_disk(ended: list[Undisturbed], tmp_path: Path) -> None:
    account, lock, dice = Account("engines on a full disk"), threading.Lock(), random.Random(SEED)

    def work(number: int) -> None:
        with lock:
            whole, own = dice.choice(ended), random.Random(dice.random())
        home = begin(whole, tmp_path / str(number))
        paths = home.run(_id(whole))
        for _ in range(3):
            full = Faults(full_at=own.randint(1, whole.operations[1]), full_for=own.choice((1, 3, 10**9)))
            process = engine(paths.root, full)
            process.join(ENGINE_SECONDS)
            log = paths.log.read_text()
            assert process.exitcode in (0, 1, 5), (full, process.exitcode, log)
            assert "Traceback" not in log, (full, log)
            (record,) = RunStore(home).records()
            account.add(f"runs {record.status} on a full disk")
            if record.status is Status.FINISHED:
                break
            assert record.summary.problem or "No space left" in log, (full, record.status, log)
        else:
            process = engine(paths.root)
            process.join(ENGINE_SECONDS)
            assert process.exitcode == 0, paths.log.read_text()
        assert result(paths) == whole.result
        assert not list(home.root.rglob(".*"))
        account.add("runs compared bit for bit")
        shutil.rmtree(home.root)

    with ThreadPoolExecutor(WORKERS) as workers:
        list(workers.map(noting(account, work), range(max(1, FULL // 4))))
    account.end()
    assert orphans() == []


def test_commands_on_a_full_disk(tmp_path: Path) -> None:
    account, lock, dice = Account("commands on a full disk"), threading.Lock(), random.Random(SEED)
    table = write_csv(tmp_path / "table.csv")

    def work(number: int) -> None:
        with lock:
            own = random.Random(dice.random())
        root = tmp_path / str(number)
        root.mkdir()
        home = Home(root / "home")
        run = make_run(home.root)[1].root.name
        kept = make_run(home.root)[1].root.name
        RunStore(home).records()
        choices: list[tuple[object, ...]] = [
            ("runs", "tag", run, "word"),
            ("runs", "rename", run, "word"),
            ("runs", "note", run, "word" * 100),
            ("runs", "export", run, "--to", root / "bundle"),
            ("runs", "reindex"),
            ("runs", "list"),
            ("runs", "rm", run, "--yes"),
            ("search", "drnas", "--preset", "quick", "--detach"),
            ("benchmark", "import", table),
            ("genotype", "convert", run, "--to", "svg", "--output", root / "cell.svg"),
        ]
        words = own.choice(choices)
        before = {path.relative_to(home.root) for path in home.root.rglob("*")}
        full = Faults(full_at=own.randint(1, 4), full_for=own.choice((1, 10**9)))
        process = command(
            *words, home=home.root, folder=root, printed=root, seconds=SECONDS, faults=full, engines="stubs"
        )
        process.join()
        err = text(root, "stderr")
        account.add(f"with exit code {process.exitcode}")
        assert process.exitcode in (0, 1, 5), (words, full, process.exitcode, err)
        assert "Traceback" not in err, (words, full, err)
        if process.exitcode:
            assert "No space left" in err, (words, full, err)
            new = {path.relative_to(home.root) for path in home.root.rglob("*")} - before
            assert not {path for path in new if path.name not in ("index.json", "index.lock", "benchmarks")}, (
                words,
                new,
            )
            assert not (root / "bundle").exists()
        store = RunStore(home)
        assert kept in {record.id for record in store.records()}
        assert store.unreadable == {}
        shutil.rmtree(root)

    with ThreadPoolExecutor(WORKERS) as workers:
        list(workers.map(noting(account, work), range(FULL - FULL // 4)))
    account.end()
    assert orphans() == []


def may_mount() -> bool:
    """Return whether this user may mount a file system where nobody else sees it."""
    return sys.platform == "linux" and os.geteuid() == 0 and in_a_copy(_mount, "/mnt", "size=64k") == 0


def _mount(folder: str, options: str) -> None:
    """Mount a file system in memory; only this process and its children see it."""
    libc = ctypes.CDLL(None, use_errno=True)
    if (
        libc.unshare(_NEW_MOUNTS)
        or libc.mount(b"none", b"/", None, _PRIVATE, None)
        or libc.mount(b"none", os.fsencode(folder), b"tmpfs", 0, options.encode())
    ):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _remount(folder: str, flags: int, options: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"none", os.fsencode(folder), None, flags | _REMOUNT, options.encode()):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@pytest.mark.parametrize("kibibytes", [1, 40, 120, 300, 600] if FULL >= 100 else [40])
def test_a_run_on_a_disk_that_is_too_small_goes_on_once_it_has_room(
    ended: list[Undisturbed], tmp_path: Path, kibibytes: int
) -> None:
    if not may_mount():
        pytest.skip("only root may mount a small disk, on Linux")
    assert in_a_copy(_on_a_small_disk, str(tmp_path), ended[0], kibibytes) == 0


def _on_a_small_disk(folder: str, whole: Undisturbed, kibibytes: int) -> None:
    _mount(folder, "size=64m")
    home = begin(whole, Path(folder) / "home")
    paths = home.run(_id(whole))
    used = sum(path.stat().st_blocks // 2 for path in Path(folder).rglob("*") if path.is_file())
    _remount(folder, 0, f"size={used + kibibytes}k")
    first = _child(_engine_of, str(paths.root))
    assert first in (1, 5), (first, paths.log.read_text())
    assert "Traceback" not in paths.log.read_text(), paths.log.read_text()
    assert RunStore(home).records()[0].status in (Status.FAILED, Status.LOST, Status.QUEUED)
    _remount(folder, 0, "size=64m")
    assert _child(_engine_of, str(paths.root)) == 0, paths.log.read_text()
    assert result(paths) == whole.result


def test_a_read_only_home_is_read_and_not_written(ended: list[Undisturbed], tmp_path: Path) -> None:
    if not may_mount():
        pytest.skip("only root may mount a read-only disk, on Linux")
    assert in_a_copy(_on_a_read_only_disk, str(tmp_path), ended[0]) == 0


def _on_a_read_only_disk(folder: str, whole: Undisturbed) -> None:
    _mount(folder, "size=64m")
    home = begin(whole, Path(folder) / "home")
    run = make_run(home.root)[1].root.name
    _remount(folder, _READ_ONLY, "")
    for words, codes in (
        (("runs", "list"), (0,)),
        (("runs", "show", run), (0,)),
        (("runs", "tag", run, "word"), (5,)),
        (("runs", "rm", run, "--yes"), (5,)),
        (("runs", "resume", _id(whole)), (5,)),
        (("search", "drnas", "--preset", "quick"), (5,)),
        (("runs", "export", run, "--to", f"{folder}/bundle"), (5,)),
    ):
        code, err = _typed(words, home.root)
        assert code in codes, (words, code, err)
        assert "Traceback" not in err, (words, err)


@pytest.mark.parametrize("kill", [False, True])
def test_a_home_without_locks(ended: list[Undisturbed], tmp_path: Path, kill: bool) -> None:
    whole = ended[0]
    home = begin(whole, tmp_path / "home")
    paths = home.run(_id(whole))
    if kill:
        process = engine(paths.root, Faults(no_locks=True, kill_at=whole.operations[1] // 2))
        process.join(ENGINE_SECONDS)
    process = engine(paths.root, Faults(no_locks=True))
    process.join(ENGINE_SECONDS)
    if process.exitcode == 0:
        assert result(paths) == whole.result
    else:
        assert process.exitcode == 5, paths.log.read_text()
    assert "Traceback" not in paths.log.read_text(), paths.log.read_text()
    for words in (("runs", "list"), ("runs", "tag", _id(whole), "word"), ("runs", "resume", _id(whole))):
        printed = tmp_path / "printed"
        printed.mkdir(exist_ok=True)
        faults = Faults(no_locks=True)
        typed = command(*words, home=home.root, folder=tmp_path, printed=printed, seconds=SECONDS, faults=faults)
        typed.join()
        assert typed.exitcode in (0, 2, 4, 5), (words, typed.exitcode, text(printed, "stderr"))
        assert "Traceback" not in text(printed, "stderr"), (words, text(printed, "stderr"))


def _child(target: object, *arguments: object) -> int:
    """Run a function in a child of this copy, and return its exit code."""
    if pid := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    target(*arguments)  # type: ignore[operator]
    os._exit(0)


def _engine_of(root: str) -> None:
    from tests.storm import copies

    copies._engine(root, copies._environment(), NONE)


def _typed(words: tuple[str, ...], home: Path) -> tuple[int, str]:
    import tempfile

    from tests.storm import copies

    with tempfile.TemporaryDirectory() as printed:
        environment = copies._environment() | {"NASTUI_HOME": str(home)}
        code = _child(copies._command, list(words), environment, printed, printed, SECONDS, NONE, "stubs")
        return code, text(Path(printed), "stderr")
