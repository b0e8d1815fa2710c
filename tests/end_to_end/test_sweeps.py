"""Sweeps and the queue from the command line, with real engines and a dispatcher that is killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runs.configuration import Draft
from runs.fleet import sweep_planning
from runs.fleet.sweep_store import SweepStore
from runs.formatting import count
from runs.log.event_log import EventLog, starts
from runs.log.events import Started, Stopped
from runs.log.history import Follower
from runs.store.lock import is_held, owner_pid
from runs.store.queue import Queue
from runs.store.run_store import RunStore
from runs.store.status import Status, follow_status
from tests.end_to_end.conftest import Cli

# Finished within a second of its start: the engine only looks cells up.
QUICK = ("search", "random_search", "--preset", "paper", "--dataset", "digits")


@pytest.fixture
def tabled(cli: Cli, table: Path) -> Cli:
    """Commands in a home with a table, and two runs at a time."""
    shutil.copytree(table, cli.home.benchmarks)
    if len(os.sched_getaffinity(0)) > 1:
        cli("queue", "slots", 2)
    return cli


def kill_everything(cli: Cli) -> None:
    """Kill the dispatcher and every engine."""
    locks = [cli.home.dispatcher, *(cli.home.run(run.name).lock for run in cli.home.runs.iterdir())]
    for lock in locks:
        if is_held(lock) and (pid := owner_pid(lock)):
            os.kill(pid, signal.SIGKILL)


def by_status(cli: Cli, sweep: str) -> dict[str, int]:
    found: dict[str, int] = cli.json("sweep", "show", sweep)["statuses"]
    return found


def test_a_sweep_from_a_file_runs_every_seed_with_every_value_and_is_followed_and_extended(
    tabled: Cli, tmp_path: Path
) -> None:
    file = tmp_path / "sweep.toml"
    file.write_text(
        'preset = "paper"\ndataset = "digits"\nseeds = [4, 5]\n[grid]\nmethod = ["random_search", "local_search"]\n'
    )
    done = tabled("search", "random_search", "--sweep", file, "--name", "four")
    *members, statuses, first, second = done.stdout.splitlines()
    assert [line.split()[0] for line in members] == ["1/4", "2/4", "3/4", "4/4"]
    assert statuses == "4 finished"
    assert (first.split()[0], second.split()[0]) == ("method=random_search", "method=local_search")
    (found,) = tabled.json("sweep", "list")
    assert (found["name"], found["statuses"], found["seeds"]) == ("four", {"finished": 4}, [4, 5])
    assert [row["values"] for row in found["rows"]] == [{"method": "random_search"}, {"method": "local_search"}]
    assert sum(edge["chosen"].get("none", 0) for edge in found["genotypes"]["nasbench201"]["cell"]) <= 24
    runs = tabled.json("runs", "list")
    assert {(run["method"], run["seed"], run["sweep"]) for run in runs} == {
        (method, seed, found["id"]) for method in ("random_search", "local_search") for seed in (4, 5)
    }
    assert all(starts(tabled.home.run(run["id"]).events) == 1 for run in runs)
    shown = tabled("sweep", "show", "four").stdout
    assert "4 finished" in shown and "chosen by the finished runs" in shown
    tabled("sweep", "add-seeds", "four", "6")
    assert tabled("sweep", "follow", "four").stdout.splitlines()[-3] == "6 finished"


def test_after_everything_was_killed_a_sweep_resumes_what_is_missing_and_nothing_else(
    tabled: Cli, eventually: Callable[..., None]
) -> None:
    sweep = tabled(*QUICK, "--seeds", "0-2", "--grid", "queries=60,90", "--detach").stdout.strip()
    for _ in range(5):
        if is_held(tabled.home.dispatcher) and (pid := owner_pid(tabled.home.dispatcher)):
            os.kill(pid, signal.SIGKILL)
        tabled("runs", "list", starts=True)  # another dispatcher
    followers = [Follower(tabled.home.run(run.name)) for run in tabled.home.runs.iterdir()]
    eventually(lambda: any(follow_status(follower) is Status.FINISHED for follower in followers))
    kill_everything(tabled)
    logs = {run["id"]: tabled.home.run(run["id"]).events for run in tabled.json("runs", "list")}
    finished = {run["id"] for run in tabled.json("runs", "list", "--status", "finished")}
    before = {run: starts(log) for run, log in logs.items()}
    whole = {run: logs[run].read_bytes() for run in finished}
    torn = logs.keys() - finished - Queue(tabled.home).pending()
    assert tabled("sweep", "resume", sweep).stderr == f"Queued {count(len(torn), 'run')} of sweep {sweep}.\n"
    assert tabled("sweep", "follow", sweep).stdout.splitlines()[-3] == "6 finished"
    assert {run: logs[run].read_bytes() for run in finished} == whole
    assert {run: starts(log) for run, log in logs.items()} == {
        run: number + (run not in finished) for run, number in before.items()
    }
    assert tabled("sweep", "resume", sweep).stderr == f"Queued 0 runs of sweep {sweep}.\n"


def test_a_dispatcher_that_is_killed_is_replaced_by_the_next_command(
    tabled: Cli, eventually: Callable[..., None]
) -> None:
    sweep = tabled(*QUICK, "--seeds", "0-5", "--detach").stdout.strip()
    for _ in range(5):
        if is_held(tabled.home.dispatcher) and (pid := owner_pid(tabled.home.dispatcher)):
            os.kill(pid, signal.SIGKILL)
        tabled("runs", "list", starts=True)
    tabled("sweep", "follow", sweep)
    runs = tabled.json("runs", "list")
    assert {run["status"] for run in runs} == {"finished"}
    assert {starts(tabled.home.run(run["id"]).events) for run in runs} == {1}
    eventually(lambda: not is_held(tabled.home.dispatcher))
    # Not the time of its log: an engine that a killed dispatcher had started makes a second one say so there, and end.
    logs = {run["seed"]: tabled.home.run(run["id"]).events.read_text() for run in runs}
    began = {seed: json.loads(log.partition("\n")[0])["t"] for seed, log in logs.items()}
    assert sorted(began, key=lambda seed: began[seed])[:2] in ([0, 1], [1, 0])


def test_waiting_runs_are_held_moved_stopped_and_cleared(cli: Cli) -> None:
    cli("queue", "slots", 1)
    words = (
        "search",
        "gdas",
        "--space",
        "nasbench201",
        "--preset",
        "quick",
        "--set",
        "epochs=500",
        "--set",
        "channels=4",
    )
    sweep = cli(*words, "--seeds", "0-3", "--detach").stdout.strip()
    first, second, third, fourth = (row["run"] for row in cli.json("sweep", "show", sweep)["rows"][0]["runs"])
    cli("queue", "hold", second)
    cli("queue", "move", fourth, 1)
    waiting = cli.json("queue", "list")["waiting"]
    assert [(entry["run"], entry["held"]) for entry in waiting] == [(fourth, False), (second, True), (third, False)]
    listed = {run["id"]: run for run in cli.json("runs", "list")}
    assert listed[fourth]["queue"]["place"] == 1
    assert listed[first]["queue"] is None
    assert f"{second[:8]}  queued 2nd" in cli("runs", "list").stdout
    cli("runs", "stop", third)
    assert [entry["run"] for entry in cli.json("queue", "list")["waiting"]] == [fourth, second]
    cli("queue", "clear", code=2)
    cli("queue", "clear", "--yes")
    assert Queue(cli.home).read().waiting == []
    cli("sweep", "stop", sweep)
    assert by_status(cli, sweep) == {"stopped": 1, "unstarted": 3}
    cli("sweep", "rm", sweep, "--yes")
    assert cli.json("sweep", "list") == cli.json("runs", "list") == []


def test_a_single_run_of_the_queue_stops_early_and_goes_on_when_it_is_resumed(tabled: Cli) -> None:
    done = tabled(*QUICK, "--queue", "--stop-when", "plateau:1")
    assert "Stopped early by plateau:1: search_accuracy has not risen" in done.stderr
    (run,) = tabled.json("runs", "list")
    assert (run["status"], run["early_stop"]["rule"]) == ("stopped", "plateau:1")
    assert "stopped early  plateau:1: " in tabled("runs", "show", run["id"]).stdout
    tabled("runs", "resume", run["id"])
    assert tabled.wait(run["id"], "finished") == "finished"


def test_a_sweep_says_who_stopped_early_and_does_not_start_them_again(cli: Cli) -> None:
    sweeps = SweepStore(RunStore(cli.home))
    draft = Draft(method="drnas", preset="quick", stop_when="plateau:3")
    sweep = sweeps.create(sweep_planning.plan(sweeps.runs, draft, range(2), {}))
    for member in sweep.members:
        with EventLog(cli.home.run(member.run).events) as log:
            log.append(Started())
            log.append(Stopped("no better for long", "plateau:3"))
    assert "plateau:3: no better for long" in cli("sweep", "show", sweep.id).stdout
    (row,) = cli.json("sweep", "show", sweep.id)["rows"]
    assert [member["early_stop"] for member in row["runs"]] == ["plateau:3: no better for long"] * 2
    assert cli("sweep", "resume", sweep.id).stderr == f"Queued 0 runs of sweep {sweep.id}.\n"
    assert "plateau:3: no better for long" in cli("sweep", "follow", sweep.id, code=0).stdout


BAD: dict[str, tuple[tuple[str, ...], str]] = {
    "overlapping seeds": (("--seeds", "0-4,3"), "The seed 3 occurs twice."),
    "seed and seeds": (("--seed", "1", "--seeds", "0-4"), "--seed and --seeds cannot be used together."),
    "unknown key": (("--grid", "learnin_rate=1,2"), "Unknown key 'learnin_rate'"),
    "unknown method": (("--grid", "method=drnas,drnax"), "Unknown method 'drnax'. Did you mean 'drnas'?"),
    "bad value": (("--grid", "epochs=1,many"), "epochs in --set or --grid is 'many'"),
    "one value": (("--grid", "epochs=3"), "has a single value"),
    "a million seeds": (("--seeds", "0-999999"), "has 1,000,000 seeds"),
    "a billion runs": (
        ("--yes", *(word for key in range(9) for word in ("--grid", f"k{key}=0,1,2,3,4,5,6,7,8,9"))),
        "This sweep has 1,000,000,000 runs. A sweep has at most 100,000.",
    ),
    "unknown rule": (("--stop-when", "plateu:3"), "stop_when is 'plateu:3', but must be collapse, plateau:N or"),
    "empty rule": (("--stop-when", ""), "stop_when is empty."),
    "a rule for sweeps": (("--stop-when", "below-median:3"), "this is a single run. Add --seeds or --grid."),
    "too many": (
        ("--seeds", "0-999", "--grid", "epochs=1,2"),
        "This sweep has 2,000 runs. To start so many",
    ),
    "no file": (("--sweep", "no.toml"), "'no.toml' cannot be read"),
    "both files": (("--sweep", "no.toml", "--config", "no.toml"), "--config and --sweep cannot be used together."),
    "per device": (("--seeds", "0-1", "--per-device", "0"), "--per-device"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_sweep_is_one_sentence_and_nothing_is_created(cli: Cli, case: str) -> None:
    words, sentence = BAD[case]
    refused = cli("search", "drnas", "--preset", "quick", *words, code=2)
    assert sentence in refused.stderr
    assert "Traceback" not in refused.stderr
    left: list[Any] = [*cli.home.root.glob("runs/*"), *cli.home.root.glob("sweeps/*"), *cli.home.root.glob("queue/*")]
    assert left == []


@pytest.mark.parametrize("command", ["show", "follow", "stop", "resume", "rm"])
def test_a_sweep_that_does_not_exist_is_not_found(cli: Cli, command: str) -> None:
    assert "No sweep's id begins with 'nothing'." in cli("sweep", command, "nothing", code=3).stderr
