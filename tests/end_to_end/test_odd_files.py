"""Pipes, devices, folders and endless files where a file of the store or an input is expected: nothing waits."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.core import checkpoint
from runs.errors import UsageError
from runs.home import RunPaths
from tests.end_to_end.conftest import Cli
from tests.end_to_end.terminal import Terminal
from tests.synthetic import make_run


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        folder = Path.cwd()
        os.chdir(path.parent)  # the name of a socket has at most 108 characters
        listener.bind(path.name)
        os.chdir(folder)


def _endless(path: Path) -> None:
    path.touch()
    os.truncate(path, 2**43)  # takes no space on the disk


KINDS: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "folder": Path.mkdir,
    "socket": _socket,
    "endless": _endless,
    "loop": lambda path: path.symlink_to(path.name),
}
FILES = ("config.json", "labels.json", "events.jsonl", "lock", "engine.log", "genotype.json", "requests")
SECONDS = 30  # a command that waits for such a file is ended by an alarm, and has not the code of the test


def put(path: Path, make: Callable[[Path], object]) -> None:
    """Replace a file or folder."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    make(path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_store_with_odd_files_is_listed(cli: Cli, tmp_path: Path, kind: str) -> None:
    make = KINDS[kind]
    good = make_run(cli.home.root, name="good")[1].root.name
    runs: dict[str, RunPaths] = {}
    for name in FILES:
        runs[name] = make_run(cli.home.root, done=3, ended=False)[1]
        put(runs[name].root / name, make)
    put(cli.home.runs / "odd", make)
    cli.home.benchmarks.mkdir()
    for path in (
        cli.home.index,
        cli.home.measurements,
        cli.home.root / "config.toml",
        cli.home.benchmarks / "odd.nastui",
    ):
        put(path, make)

    listed = {run["id"] for run in cli.json("runs", "list")}
    assert good in listed
    skipped = cli("runs", "list", timeout=SECONDS).stderr
    for name, paths in runs.items():
        assert (paths.root.name in listed) != (paths.root.name in skipped), name
    assert runs["config.json"].root.name in skipped and runs["events.jsonl"].root.name in skipped
    cli("benchmark", "list", timeout=SECONDS)
    for paths in runs.values():
        for words in (("show",), ("events",), ("export", "--to", tmp_path / paths.root.name)):
            done = cli("runs", words[0], paths.root.name, *words[1:], code=None, timeout=SECONDS)
            assert done.returncode in (0, 2, 5) and "Traceback" not in done.stderr, (words, done)


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_the_dashboard_opens_a_store_with_odd_files(cli: Cli, kind: str) -> None:
    make_run(cli.home.root, name="good")
    for name in FILES:
        put(make_run(cli.home.root, done=3, ended=False)[1].root / name, KINDS[kind])
    put(cli.home.root / "config.toml", KINDS[kind])
    terminal = Terminal(cli)
    try:
        terminal.shows("good")
        terminal.press("q")
        assert terminal.is_gone()
    finally:
        terminal.process.close(force=True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("words", "codes"),
    [
        (("search", "drnas", "--preset", "quick", "--config"), (2,)),
        (("retrain", "DARTS_V2", "--preset", "quick", "--weights"), (3,)),
        (("genotype", "show"), (2, 3)),
        (("benchmark", "import"), (2, 3)),
        (("search", "drnas", "--preset", "quick", "--dataset"), (2, 5)),
    ],
    ids=lambda value: str(value[-1]),
)
def test_an_odd_file_as_input_is_refused(
    cli: Cli, tmp_path: Path, kind: str, words: tuple[str, ...], codes: tuple[int, ...]
) -> None:
    put(tmp_path / "odd", KINDS[kind])
    done = cli(*words, tmp_path / "odd", code=None, timeout=SECONDS)
    assert done.returncode in codes, done
    assert len(done.stderr.splitlines()) == 1
    assert not list(cli.home.runs.glob("*"))


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_an_odd_checkpoint_is_refused(tmp_path: Path, kind: str) -> None:
    put(tmp_path / "checkpoint.pt", KINDS[kind])
    with pytest.raises(UsageError, match="cannot be read"):
        checkpoint.load(tmp_path / "checkpoint.pt", "run")
