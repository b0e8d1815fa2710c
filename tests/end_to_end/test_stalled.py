"""A live run without progress is shown as stalled, inspected, stopped or killed, and resumed from where it stands."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable

from runs.log.history import load
from runs.store.activity import read, stall_of
from runs.store.lock import owner_pid
from tests.end_to_end.conftest import TOY, Cli


def test_suspended_and_stuck_engines(cli: Cli, eventually: Callable[..., None]) -> None:
    cli.environment |= {"NASTUI_PLUGINS": "stuck_search", "PYTHONPATH": str(TOY), "NASTUI_STALLED_AFTER": "3"}
    # An engine is inspected only if its command line is that of an engine, so it is no copy.
    afresh = Cli(cli.home, cli.folder, afresh=True)
    afresh.environment = cli.environment
    settings = [f"--set={one}" for one in ("threads=1", "epochs=1000", "queries=10000", "patience=0.02")]
    run: str = afresh.json("search", "stuck", "--preset", "quick", *settings, "--detach")["id"]
    paths = cli.home.run(run)

    def goes_on() -> bool:
        activity = read(paths.activity)
        return activity is not None and activity.units > 5

    # Suspended.
    eventually(goes_on, seconds=120)
    eventually(lambda: cli.json("runs", "show", run)["stalled"] is None)
    pid = owner_pid(paths.lock)
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    eventually(lambda: stall_of(paths, live=True) is not None)
    (listed,) = cli.json("runs", "list", "--status", "stalled")
    assert listed["status"] == "running"  # scripts that wait for the end go on waiting
    assert listed["stalled"]["doing"] == "a unit of work"
    assert listed["stalled"]["units"] > 5
    assert " stalled " in cli("runs", "list").stdout
    inspected = cli.json("runs", "inspect", run)
    assert [facts["doing"] for facts in inspected["processes"]] == ["suspended by a signal"]
    assert f"kill -CONT {pid}" in inspected["remarks"][0]
    refused = cli("runs", "stop", run, code=4).stderr
    assert "no progress for" in refused
    assert f"kill -CONT {pid}" in refused
    assert "nastui runs kill" in refused
    os.kill(pid, signal.SIGCONT)
    assert cli.wait(run, "stopped", "lost") == "stopped"  # the request waited

    # Stuck in C code that holds Python's lock.
    afresh("runs", "resume", run)
    eventually(goes_on, seconds=120)
    (paths.root / "stick").touch()
    eventually(lambda: stall_of(paths, live=True) is not None)
    inspected = cli.json("runs", "inspect", run)
    assert inspected["stalled"]["doing"] == "a unit of work"
    assert "stuck_search_engine.py" in inspected["stacks"]["stacks.txt"]
    assert "No engine process" not in json.dumps(inspected)
    assert "nastui runs kill" in cli("runs", "resume", run, code=4).stderr
    kept = load(paths).summary.checkpoint_epoch
    assert cli("runs", "kill", run).stderr.endswith("is stopped.\n")
    assert cli.json("runs", "show", run)["stalled"] is None

    # From where it stands.
    (paths.root / "stick").unlink()
    afresh("runs", "resume", run)
    eventually(goes_on, seconds=120)
    assert load(paths).summary.epoch == kept
    cli("runs", "stop", run)
    assert cli.status(run) == "stopped"
