"""Losing an engine loses nothing: what was interrupted ends as if it had not been."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from runs.home import Home
from runs.log.history import Follower
from runs.store.lock import owner_pid
from runs.store.status import Status, derive
from tests.end_to_end.conftest import Cli


@pytest.fixture(scope="module")
def moments() -> list[float]:
    """Three random moments of a run, as shares of its epochs; printed by pytest where a test fails."""
    return [random.uniform(0.02, 0.8) for _ in range(3)]


# Long enough that a command typed in the middle of it meets a running engine on a slow machine too.
EPOCHS = 8


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What a run says that nobody interrupts."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    cli = Cli(Home(folder / "home"), folder)
    run = cli.search(epochs=EPOCHS)["id"]
    assert cli.wait(run, "finished", "failed", "lost") == "finished"
    series = cli.series(run)
    assert len(series) == EPOCHS
    return series


def reach(cli: Cli, run: str, share: float) -> None:
    """Wait until the engine has done this share of its units of work."""
    follower = Follower(cli.home.run(run))
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        follower.update()
        progress = follower.history.progress
        if progress and (progress.epoch - 1 + progress.step / progress.of) / progress.epochs >= share:
            return
        time.sleep(0.02)
    raise AssertionError("the run does not move")


def checkpoints(cli: Cli, run: str) -> int:
    return cli.home.run(run).events.read_text().count('"checkpoint"')


def test_kill_and_resume_at_three_random_moments(
    cli: Cli, moments: list[float], expected: list[dict[str, Any]]
) -> None:
    for share in moments:
        run = cli.search(epochs=EPOCHS)["id"]
        reach(cli, run, share)
        cli.kill(run)
        killed = time.monotonic()
        assert cli.wait(run, "lost", "finished", seconds=2) == "lost"
        assert time.monotonic() - killed < 2
        (cli.home.run(run).root / ".checkpoint.pt.torn").write_bytes(b"half")
        cli("runs", "resume", run)
        assert cli.wait(run, "finished", "failed", "lost") == "finished"
        assert cli.series(run) == expected
        assert not list(cli.home.run(run).root.glob(".*"))


def test_stop_and_resume(cli: Cli, expected: list[dict[str, Any]]) -> None:
    run = cli.search(epochs=EPOCHS)["id"]
    reach(cli, run, 0.3)
    cli("runs", "stop", run)
    assert cli.status(run) == "stopped"
    cli("runs", "resume", run)
    assert cli.wait(run, "finished", "failed", "lost") == "finished"
    assert cli.series(run) == expected


def test_sigterm_is_a_stop_with_a_checkpoint(cli: Cli) -> None:
    run = cli.search(epochs=50)["id"]
    reach(cli, run, 0.02)
    pid = owner_pid(cli.home.run(run).lock)
    assert pid is not None
    os.kill(pid, signal.SIGTERM)
    assert cli.wait(run, "stopped", "lost") == "stopped"
    assert cli.json("runs", "show", run)["status"] == "stopped"


def test_pause_holds_still_and_resume_goes_on(cli: Cli, expected: list[dict[str, Any]]) -> None:
    run = cli.search(epochs=EPOCHS)["id"]
    reach(cli, run, 0.2)
    cli("runs", "pause", run)
    assert cli.status(run) == "paused"
    size = cli.home.run(run).events.stat().st_size
    time.sleep(0.7)
    assert cli.home.run(run).events.stat().st_size == size
    cli("runs", "resume", run)
    assert cli.wait(run, "finished", "failed", "lost") == "finished"
    assert cli.series(run) == expected


def test_a_paused_run_can_be_stopped(cli: Cli) -> None:
    run = cli.search(epochs=50)["id"]
    cli("runs", "pause", run)
    cli("runs", "stop", run)
    assert cli.status(run) == "stopped"


def test_a_checkpoint_on_request(cli: Cli, eventually: Callable[..., None]) -> None:
    run = cli.search(epochs=50, checkpoint_seconds=1000)["id"]
    reach(cli, run, 0.001)
    count = checkpoints(cli, run)
    cli("runs", "checkpoint", run)
    eventually(lambda: checkpoints(cli, run) > count)
    cli("runs", "stop", run)


def test_asking_twice_is_no_fault(cli: Cli) -> None:
    run = cli.search(epochs=50)["id"]
    cli("runs", "resume", run, code=4)
    cli("runs", "stop", run)
    cli("runs", "stop", run)
    cli("runs", "pause", run, code=2)


def test_a_finished_run_is_not_resumed(cli: Cli) -> None:
    run = cli.search(epochs=1)["id"]
    cli.wait(run, "finished")
    assert "nastui search drnas" in cli("runs", "resume", run, code=2).stderr


def test_killed_between_the_last_epoch_and_the_end(cli: Cli) -> None:
    """All epochs are there but the finish is not: resuming writes the results."""
    run = cli.search(epochs=1)["id"]
    cli.wait(run, "finished")
    paths = cli.home.run(run)
    lines = paths.events.read_text().splitlines()
    paths.events.write_text("\n".join(lines[:-1]) + "\n")
    paths.genotype.unlink()
    assert cli.status(run) == "lost"
    cli("runs", "resume", run)
    cli.wait(run, "finished")
    assert paths.genotype.exists()


def test_a_damaged_checkpoint_is_named_and_nothing_is_lost(cli: Cli) -> None:
    run = cli.search(epochs=50)["id"]
    reach(cli, run, 0.03)
    cli("runs", "stop", run)
    checkpoint = cli.home.run(run).checkpoint
    whole = checkpoint.read_bytes()
    checkpoint.write_bytes(whole[: len(whole) // 2])
    cli("runs", "resume", run)
    cli.wait(run, "failed")
    assert "checkpoint" in cli.json("runs", "show", run)["problem"]
    checkpoint.write_bytes(whole)
    cli("runs", "resume", run)
    cli.wait(run, "running")
    cli("runs", "stop", run)


def test_a_second_engine_is_refused(cli: Cli) -> None:
    run = cli.search(epochs=50)["id"]
    paths = cli.home.run(run)
    assert derive(paths, lambda: "started") is Status.RUNNING
    second = subprocess.run(
        [sys.executable, "-P", "-m", "engine", str(paths.root)], capture_output=True, text=True, check=False
    )
    assert second.returncode == 4
    assert "already has an engine" in second.stderr
    cli("runs", "stop", run)


def test_a_disk_that_fills_up_loses_nothing(cli: Cli, expected: list[dict[str, Any]]) -> None:
    """Files may grow to a size that the log fits in and a checkpoint does not."""
    run = cli.search(epochs=EPOCHS)["id"]
    cli("runs", "stop", run)
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
    cli("runs", "resume", run)
    assert cli.wait(run, "finished", "failed", "lost") == "finished"
    assert cli.series(run) == expected
