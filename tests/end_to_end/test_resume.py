"""A run whose engine is stopped, paused or killed ends with the same numbers as an uninterrupted one."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import nastui_start
from runs.home import RunPaths
from runs.log.event_log import EventLogReader
from runs.store.activity import read
from runs.store.lock import owner_pid
from runs.store.status import Status, derive
from tests.end_to_end.conftest import COPIES, Cli, Finished, commands

# Long enough that a command issued in the middle of the run finds a running engine, even on a slow machine.
EPOCHS = 5
# The run never gets this far.
ENDLESS = 100_000


@pytest.fixture(scope="module")
def moments() -> tuple[float, float]:
    """Two random moments of a run, as shares of its epochs. pytest prints them if a test fails."""
    return random.uniform(0.02, 0.2), random.uniform(0.25, 0.7)


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """Commands in a home that the tests of this module share."""
    with commands(tmp_path_factory.mktemp("others")) as found:
        yield found


@pytest.fixture(scope="module")
def expected(others: Cli) -> list[dict[str, Any]]:
    """The epochs of an uninterrupted run."""
    run = others.search(epochs=EPOCHS)["id"]
    assert others.wait(run, "finished", "failed", "lost") == "finished"
    series = others.series(run)
    assert len(series) == EPOCHS
    return series


@pytest.fixture(scope="module")
def stopped(others: Cli) -> RunPaths:
    """A run that was stopped; tests take copies of it."""
    run = others.search(epochs=EPOCHS)["id"]
    others.reach(run, 0.3)
    others("runs", "stop", run)
    assert others.status(run) == "stopped"
    return others.home.run(run)


def events(cli: Cli, run: str) -> list[str]:
    """Return the types of a run's events."""
    return [entry.event.type for entry in EventLogReader(cli.home.run(run).events).read()]


def units(paths: RunPaths) -> int:
    """Return how many units of work the engine has done."""
    activity = read(paths.activity)
    return activity.units if activity is not None else 0


def ends_as_expected(cli: Cli, run: str, expected: list[dict[str, Any]]) -> None:
    """Resume a run, and check that it ends with the numbers of an uninterrupted one."""
    cli("runs", "resume", run)
    assert cli.wait(run, "finished", "failed", "lost") == "finished"
    assert cli.series(run) == expected


def test_paused_and_killed_it_ends_as_if_nothing_had_happened(
    cli: Cli, moments: tuple[float, float], expected: list[dict[str, Any]]
) -> None:
    """The storm kills runs of every kind, thousands of times: see tests/storm/test_kills.py."""
    run = cli.search(epochs=EPOCHS)["id"]
    cli.reach(run, moments[0])
    cli("runs", "pause", run)
    assert cli.status(run) == "paused"
    cli("runs", "resume", run)
    cli.reach(run, moments[1])
    types = events(cli, run)
    assert types[types.index("paused") + 1] == "continued"  # it computed nothing in between
    cli.kill(run)
    assert cli.wait(run, "lost", "finished", seconds=2) == "lost"
    (cli.home.run(run).root / ".checkpoint.pt.torn").write_bytes(b"half")
    ends_as_expected(cli, run, expected)
    assert not list(cli.home.run(run).root.glob(".*"))


def test_stop_and_resume(cli: Cli, stopped: RunPaths, expected: list[dict[str, Any]]) -> None:
    ends_as_expected(cli, cli.adopt(stopped), expected)


@pytest.fixture(scope="class")
def running(others: Cli) -> Iterator[str]:
    """A run that keeps running."""
    run: str = others.search(epochs=ENDLESS, checkpoint_seconds=1000)["id"]
    others.reach_epoch(run, 1)
    yield run
    if derive(others.home.run(run), lambda: "").live:
        others.kill(run)


class TestARunningRun:
    """Commands on a run that keeps running; only the last test ends it."""

    def test_writes_a_checkpoint_on_request(self, others: Cli, running: str, eventually: Callable[..., None]) -> None:
        def requested() -> int:
            types = events(others, running)
            return types.count("checkpoint") - types.count("epoch")  # every epoch ends with a checkpoint of its own

        before = requested()
        others("runs", "checkpoint", running)
        eventually(lambda: requested() > before)

    def test_is_not_resumed(self, others: Cli, running: str) -> None:
        assert "is running" in others("runs", "resume", running, code=4).stderr

    def test_refuses_a_second_engine(self, others: Cli, running: str) -> None:
        paths = others.home.run(running)
        assert derive(paths, lambda: "started") is Status.RUNNING
        second = subprocess.run(
            [sys.executable, "-P", "-m", "engine", str(paths.root)], capture_output=True, text=True, check=False
        )
        assert second.returncode == 4
        assert "already has an engine" in second.stderr
        assert others.status(running) == "running"

    def test_is_stopped_while_it_is_paused_and_by_sigterm(
        self, others: Cli, running: str, eventually: Callable[..., None]
    ) -> None:
        others("runs", "pause", running)
        others("runs", "stop", running)
        assert others.status(running) == "stopped"
        assert others.home.run(running).checkpoint.exists()
        others("runs", "resume", running)
        eventually(lambda: units(others.home.run(running)) > 0)
        pid = owner_pid(others.home.run(running).lock)
        assert pid is not None
        os.kill(pid, signal.SIGTERM)
        assert others.wait(running, "stopped", "lost") == "stopped"
        assert others.json("runs", "show", running)["status"] == "stopped"
        assert events(others, running)[-2:] == ["checkpoint", "stopped"]


def test_stopping_twice_is_allowed_and_pausing_a_stopped_run_is_not(cli: Cli, stopped: RunPaths) -> None:
    run = cli.adopt(stopped)
    cli("runs", "stop", run)
    cli("runs", "pause", run, code=2)
    assert cli.status(run) == "stopped"


def test_a_finished_run_is_not_resumed(finished: Finished) -> None:
    assert "nastui search drnas" in finished.cli("runs", "resume", finished.run, code=2).stderr


def test_killed_between_the_last_epoch_and_the_end(cli: Cli, finished: Finished) -> None:
    """All epochs are complete but the run has not ended: resuming writes the results."""
    run = cli.adopt(finished.paths)
    paths = cli.home.run(run)
    lines = paths.events.read_text().splitlines()
    paths.events.write_text("\n".join(lines[:-1]) + "\n")
    paths.genotype.unlink()
    assert cli.status(run) == "lost"
    cli("runs", "resume", run)
    cli.wait(run, "finished")
    assert paths.genotype.exists()


def test_a_resumption_that_fails_loses_nothing(cli: Cli, stopped: RunPaths, expected: list[dict[str, Any]]) -> None:
    run = cli.adopt(stopped)
    a_damaged_checkpoint_is_refused_and_the_one_before_offered(cli, run)
    a_disk_that_fills_up_is_named(cli, run)
    ends_as_expected(cli, run, expected)


def a_damaged_checkpoint_is_refused_and_the_one_before_offered(cli: Cli, run: str) -> None:
    paths = cli.home.run(run)
    content = bytearray(paths.checkpoint.read_bytes())
    content[len(content) // 2] ^= 1
    paths.checkpoint.write_bytes(content)
    refused = cli("runs", "resume", run, code=2).stderr
    assert "is damaged" in refused
    assert f"nastui runs resume {run[:8]} --previous-checkpoint" in refused
    assert cli.status(run) == "stopped"
    started_by_hand = COPIES.start([nastui_start.FILE, "engine", str(paths.root)], cli.environment, cli.folder, 60)
    assert started_by_hand.wait() == 2
    shown = cli.json("runs", "show", run)
    assert "is damaged" in shown["problem"]
    assert "--previous-checkpoint" in shown["hint"]
    cli("runs", "resume", run, "--previous-checkpoint")
    cli("runs", "stop", run)


def a_disk_that_fills_up_is_named(cli: Cli, run: str) -> None:
    """The size limit for files allows the log but not a checkpoint."""
    root = cli.home.run(run).root
    before = cli.home.run(run).checkpoint.read_bytes()
    command = f"ulimit -f 200; exec '{sys.executable}' -P -m engine '{root}'"
    subprocess.run(["bash", "-c", command], capture_output=True, check=False, timeout=60)
    shown = cli.json("runs", "show", run)
    assert shown["status"] == "failed"
    assert "checkpoint" in shown["problem"]
    assert "Free some space" in shown["hint"]
    assert cli.home.run(run).checkpoint.read_bytes() == before
    assert not list(root.glob(".checkpoint*"))
