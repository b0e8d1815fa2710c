"""The real console script and real engine processes, none of which outlives its test.

Tests that only read a finished run share ``finished``; tests that change a run copy it with ``Cli.adopt``. Commands and
engines do not import everything anew each time, see ``tests/end_to_end/copies.py``.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from filelock import FileLock

from nastui_start import PACKAGES
from runs.benchmarks.store import import_csv
from runs.home import Home, RunPaths
from runs.log.history import Follower
from runs.store.lock import is_held, owner_pid
from runs.store.status import follow_status
from tests.end_to_end.copies import Copies
from tests.tabulated import write_csv

SCRIPT = Path(sys.executable).parent / "nastui"
# Packages that were unpacked into a folder, as on a machine that is only borrowed, have no script.
COMMAND = [str(SCRIPT)] if SCRIPT.exists() else [sys.executable, "-P", "-m", "nastui"]
TOY = Path(__file__).parents[1] / "toy"

# A search of a few seconds: long enough to be interrupted, short enough for a test.
TINY = {"epochs": 4, "channels": 4, "image_limit": 400, "batch_size": 32, "threads": 1, "checkpoint_seconds": 0.2}
TINY_NETWORK = TINY | {"layers": 3, "image_size": 16, "drop_path": 0.2}

# Words of the commands that start engines, or small tasks that need torch.
STARTING = {"search", "retrain", "resume", "add-seeds", "release", "score", "profile", "--onnx", "doctor"}

COPIES = Copies()


@pytest.fixture(scope="session", autouse=True)
def _no_copies_left() -> Iterator[None]:
    yield
    COPIES.close()


class Cli:
    """Runs commands, in a home of its own. They and their engines are copies: see ``tests/end_to_end/copies.py``.

    Attributes:
        environment: the environment variables of the commands.
        afresh: start the console script in a new interpreter for each command, and each engine, too. Tests of what they
            import or find in their environment need it.
    """

    def __init__(self, home: Home, folder: Path, *, afresh: bool = False) -> None:
        self.home = home
        self.folder = folder
        self.afresh = afresh
        others = {name: value for name, value in os.environ.items() if not name.startswith("NASTUI_")}
        self.environment = others | {"NASTUI_HOME": str(home.root)}

    def __call__(
        self, *words: object, code: int | None = 0, timeout: float = 120, starts: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run a command; its exit code must be ``code`` unless that is None.

        ``starts`` says that it starts an engine, a dispatcher or a task that needs torch although its words do not
        tell: they are copies, too.
        """
        line = [*COMMAND, *map(str, words)]
        if self.afresh:
            done = subprocess.run(
                line,
                capture_output=True,
                text=True,
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                timeout=timeout,
                check=False,
            )
        else:
            starts |= (not code or "--weights" in words) and not STARTING.isdisjoint(words)
            folders = (self.folder, self.home.root.parent)
            done = COPIES.run(line, self.environment, *folders, timeout, starts_engines=starts)
        assert code is None or done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done

    def json(self, *words: object, code: int = 0) -> Any:
        """Return the JSON document that a command prints."""
        return json.loads(self(*words, "--json", code=code).stdout)

    def search(self, *words: object, seed: int = 3, **options: object) -> dict[str, Any]:
        """Start a tiny search and return its run."""
        settings = [word for key, value in (TINY | options).items() for word in ("--set", f"{key}={value}")]
        found: dict[str, Any] = self.json(
            "search", "drnas", "--preset", "quick", "--seed", seed, *settings, "--detach", *words
        )
        return found

    def retrain(self, genotype: str, *words: object, seed: int = 3, **options: object) -> dict[str, Any]:
        """Start a tiny retraining and return its run."""
        settings = [word for key, value in (TINY_NETWORK | options).items() for word in ("--set", f"{key}={value}")]
        found: dict[str, Any] = self.json(
            "retrain", genotype, "--preset", "quick", "--seed", seed, *settings, "--detach", *words
        )
        return found

    def status(self, run: str) -> str:
        """Return the status that the list shows."""
        return next(str(entry["status"]) for entry in self.json("runs", "list") if entry["id"] == run)

    def wait(self, run: str, *statuses: str, seconds: float = 90) -> str:
        """Return the status of a run once it is one of these, as ``runs list`` shows it.

        The files are polled, and the command runs only once: repeated commands would slow down the engine.
        """
        self.until(run, lambda follower: follow_status(follower) in statuses, seconds)
        return self.status(run)

    def until(self, run: str, holds: Callable[[Follower], bool], seconds: float = 90) -> None:
        """Wait until a condition on a run holds.

        Raises:
            AssertionError: it does not hold within this time.
        """
        follower, deadline = Follower(self.home.run(run)), time.monotonic() + seconds
        while not holds(follower):
            assert time.monotonic() < deadline, follow_status(follower)
            time.sleep(0.02)

    def reach(self, run: str, share: float) -> None:
        """Wait until the engine has done this share of its units of work."""

        def reached(follower: Follower) -> bool:
            follower.update()
            progress = follower.history.progress
            return (
                progress is not None and (progress.epoch - 1 + progress.step / progress.of) / progress.epochs >= share
            )

        self.until(run, reached)

    def reach_epoch(self, run: str, epoch: int) -> None:
        """Wait until this epoch has ended."""

        def reached(follower: Follower) -> bool:
            follower.update()
            return follower.history.summary.epoch >= epoch

        self.until(run, reached)

    def reach_checkpoint(self, run: str) -> None:
        """Wait until the run has a checkpoint."""
        self.until(run, lambda _: self.home.run(run).checkpoint.exists())

    def adopt(self, run: RunPaths, **changes: object) -> str:
        """Copy a run from another home into this one, as another run if its configuration changes; return its id."""
        name = run.root.name if not changes else f"{secrets.token_hex(4)}-{run.root.name.partition('-')[2]}"
        paths = self.home.run(name)
        shutil.copytree(run.root, paths.root)
        if changes:
            paths.config.write_text(json.dumps(json.loads(paths.config.read_text()) | {"id": name} | changes))
        return name

    def series(self, run: str) -> list[dict[str, Any]]:
        """Return the epochs of a run's log, without their durations."""
        from runs.log.history import load

        found = []
        for epoch in load(self.home.run(run)).epochs:
            found.append({name: getattr(epoch, name) for name in epoch.__slots__ if name != "seconds"})
        return found

    def members(self, run: str) -> list[psutil.Process]:
        """Return the two processes that share a run, in the order of their ranks, in which they were started."""
        supervisor = psutil.Process(owner_pid(self.home.run(run).lock))
        first, second = sorted(supervisor.children(), key=lambda child: (child.create_time(), child.pid))
        return [first, second]

    def kill(self, run: str) -> None:
        """Kill the engine abruptly, as a power cut would."""
        pid = owner_pid(self.home.run(run).lock)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)


def are_gone(processes: list[psutil.Process]) -> None:
    """Check that processes end."""
    _, left = psutil.wait_procs(processes, timeout=10)
    assert left == []


@contextlib.contextmanager
def commands(folder: Path) -> Iterator[Cli]:
    """Yield commands in a fresh home inside a folder; engines and a dispatcher that still run at the end are killed."""
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    home = Home(folder / "home")
    yield Cli(home, elsewhere)
    # The dispatcher first, or it would start further engines.
    for lock in (home.dispatcher, *home.runs.glob("*/lock")):
        if (pid := owner_pid(lock)) and is_held(lock):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def cli(home: Home, tmp_path: Path) -> Iterator[Cli]:
    """Commands in a fresh home."""
    with commands(tmp_path) as found:
        assert found.home == home
        yield found


@dataclass(frozen=True)
class Finished:
    """A finished tiny search in a home that tests only read.

    Attributes:
        cli: commands in that home.
        lines: what ``nastui search --follow --json`` printed, parsed.
    """

    cli: Cli
    lines: tuple[dict[str, Any], ...]

    @property
    def result(self) -> dict[str, Any]:
        """The last line: the run as a JSON object."""
        return self.lines[-1]

    @property
    def run(self) -> str:
        """The run's id."""
        return str(self.result["id"])

    @property
    def paths(self) -> RunPaths:
        """The run's files."""
        return self.cli.home.run(self.run)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The finished search that tests share; of several pytest workers, the first one runs it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "finished"
    printed = folder / "printed.jsonl"
    with FileLock(f"{folder}.lock"):
        folder.mkdir(exist_ok=True)
        cli = Cli(Home(folder / "home"), folder, afresh=True)
        if not printed.exists():
            settings = [word for key, value in TINY.items() for word in ("--set", f"{key}={value}")]
            words = ("search", "drnas", "--space", "nasbench201", "--dataset", "digits", "--preset", "quick")
            printed.write_text(cli(*words, "--seed", 3, *settings, "--follow", "--json").stdout)
    cli.afresh = False
    return Finished(cli, tuple(json.loads(line) for line in printed.read_text().splitlines()))


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder ``benchmarks`` of a home with an imported table of the digits; tests copy it."""
    home = Home(tmp_path_factory.mktemp("tabled"))
    import_csv(write_csv(home.root / "table.csv"), home)
    return home.benchmarks


def set_traps(folder: Path) -> None:
    """Fill a folder with modules that are named like real ones and end any process that imports them."""
    for name in ("engine.py", "runs/__init__.py", "screens.py", "torch.py", "nastui.py"):
        trap = folder / name
        trap.parent.mkdir(exist_ok=True)
        trap.write_text(f"raise SystemExit('imported {name} of a hostile folder')")


def shadows(folder: Path, kind: str, content: str = "raise SystemExit('imported a foreign module')") -> Path:
    """Fill a folder with foreign modules, packages or namespace packages by the names of ours."""
    for name in PACKAGES:
        file = folder / {"module": f"{name}.py", "package": f"{name}/__init__.py", "namespace": f"{name}/readme"}[kind]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return folder


@pytest.fixture
def eventually() -> Callable[..., None]:
    """A function that waits until a condition holds."""

    def wait(holds: Callable[[], bool], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    return wait
