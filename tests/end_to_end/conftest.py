"""The real console script and real engine processes, none of which outlives its test."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runs.home import Home, RunPaths
from runs.log.history import Follower
from runs.store.lock import is_held, owner_pid
from runs.store.status import follow_status

SCRIPT = Path(sys.executable).parent / "nastui"
TOY = Path(__file__).parents[1] / "toy"

# Seconds of search: enough to be caught in the middle, small enough for a test.
TINY = {"epochs": 4, "channels": 4, "image_limit": 400, "batch_size": 32, "threads": 1, "checkpoint_seconds": 0.2}
TINY_NETWORK = TINY | {"layers": 3, "image_size": 16, "drop_path": 0.2}


class Cli:
    """Types commands, in a home of its own."""

    def __init__(self, home: Home, folder: Path) -> None:
        self.home = home
        self.folder = folder
        self.environment = os.environ | {"NASTUI_HOME": str(home.root)}

    def __call__(self, *words: object, code: int | None = 0, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a command; its exit code must be ``code`` unless that is None."""
        done = subprocess.run(
            [SCRIPT, *map(str, words)],
            capture_output=True,
            text=True,
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            timeout=timeout,
            check=False,
        )
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
        """Return the status once it is one of these, as the list shows it.

        The list is asked at the end alone: commands in a row would take the processor from the engine.
        """
        follower, deadline = Follower(self.home.run(run)), time.monotonic() + seconds
        while (status := follow_status(follower)) not in statuses:
            assert time.monotonic() < deadline, status
            time.sleep(0.05)
        return self.status(run)

    def series(self, run: str) -> list[dict[str, Any]]:
        """Return what the finished run says of each epoch, without what a clock says."""
        from runs.log.history import load

        found = []
        for epoch in load(self.home.run(run)).epochs:
            found.append({name: getattr(epoch, name) for name in epoch.__slots__ if name != "seconds"})
        return found

    def kill(self, run: str) -> None:
        """Kill the engine as a power cut would."""
        pid = owner_pid(self.home.run(run).lock)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def cli(home: Home, tmp_path: Path) -> Iterator[Cli]:
    """Commands in a fresh home."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    yield Cli(home, folder)
    runs = list(home.runs.iterdir()) if home.runs.exists() else []
    for run in runs:
        paths = RunPaths(run)
        pid = owner_pid(paths.lock)
        if pid and is_held(paths.lock):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def eventually() -> Callable[..., None]:
    """Wait until something holds."""

    def wait(holds: Callable[[], bool], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    return wait
