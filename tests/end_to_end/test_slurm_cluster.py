"""Runs on a real cluster of Slurm: slurmctld and two slurmd, started in a folder."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runs.log.event_log import EventLogReader, starts
from runs.log.events import Stopped
from runs.store.slurm_jobs import SlurmJobs
from tests.end_to_end.conftest import Cli, Finished
from tests.end_to_end.slurm import cluster, is_installed
from tests.end_to_end.test_slurm import TINY_SEARCH, forget_answer, row

pytestmark = [
    pytest.mark.skipif(not is_installed(), reason="slurm-wlm and munge are not installed, or this is not root"),
    pytest.mark.timeout(600),
]

PROFILES = """
[slurm.default]
partition = "main"
[slurm.gpus]
partition = "main"
gres = "gpu:1"
[slurm.held]
partition = "main"
extra = ["--hold"]
[slurm.short]
partition = "main"
time = 1
notice = 50
[slurm.elsewhere]
partition = "secret"
"""
# As on file systems without locks, in every process of a job.
NO_FLOCK = """
import errno, fcntl
def flock(descriptor, operation):
    raise OSError(errno.ENOLCK, "no locks here")
fcntl.flock = flock
"""


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables by which commands find the cluster."""
    with cluster(tmp_path_factory.mktemp("cluster")) as found:
        yield found


@pytest.fixture
def on_cluster(cli: Cli, variables: dict[str, str]) -> Cli:
    """Commands on the login node."""
    cli.environment |= variables
    cli.home.root.mkdir()
    (cli.home.root / "config.toml").write_text(PROFILES)
    return cli


def slurm(cli: Cli, *words: str) -> str:
    """Return what a command of Slurm prints."""
    return subprocess.run(words, env=cli.environment, capture_output=True, text=True, check=True).stdout


def until_status(cli: Cli, run: str, *statuses: str) -> str:
    """Return the status of a run once it is one of these, as Slurm is asked again and again."""
    deadline = time.monotonic() + 240
    while (status := cli.status(run)) not in statuses:
        assert time.monotonic() < deadline, (status, row(cli, run))
        forget_answer(cli)
        time.sleep(0.3)
    return status


def until_requeued(cli: Cli, run: str, times: int) -> str:
    """Return the id of a run's job once it has been requeued so often and waits."""
    deadline = time.monotonic() + 240
    while (last := SlurmJobs(cli.home).read().entries[run].last) is None or last.restarts < times:
        assert time.monotonic() < deadline, row(cli, run)
        assert cli.status(run) in ("queued", "running")
        forget_answer(cli)
        time.sleep(0.3)
    return last.job


def test_a_run_that_waits_is_stopped_vanishes_and_is_resumed(on_cluster: Cli) -> None:
    run = on_cluster.json(*TINY_SEARCH, "--slurm", "held", "--detach")["id"]
    assert "pending (JobHeldUser)" in row(on_cluster, run)
    on_cluster("runs", "stop", run)
    assert on_cluster.status(run) == "lost"
    on_cluster("runs", "resume", run)
    job = SlurmJobs(on_cluster.home).read().entries[run].job_id
    slurm(on_cluster, "scancel", job)
    forget_answer(on_cluster)
    assert on_cluster.status(run) == "lost"
    assert on_cluster.json("runs", "show", run)["problem"] == f"Its Slurm job {job} was cancelled."
    assert slurm(on_cluster, "squeue", "--noheader") == ""


def test_a_partition_that_does_not_exist_is_refused(on_cluster: Cli) -> None:
    done = on_cluster(*TINY_SEARCH, "--slurm", "elsewhere", code=1)
    assert done.stderr == "nastui: Slurm refused 'sbatch': Invalid partition name specified.\n"
    assert on_cluster.json("runs", "list") == []


@pytest.mark.parametrize("has_locks", [True, False], ids=["locks", "no locks"])
def test_runs_of_a_sweep_share_two_gpus(on_cluster: Cli, tmp_path: Path, table: Path, has_locks: bool) -> None:
    shutil.copytree(table, on_cluster.home.benchmarks)
    if not has_locks:
        traps = tmp_path / "traps"
        traps.mkdir()
        (traps / "sitecustomize.py").write_text(NO_FLOCK)
        on_cluster.environment["PYTHONPATH"] = str(traps)
    search = ("search", "random_search", "--preset", "paper", "--dataset", "digits", "--device", "cpu")
    number = 4 if has_locks else 2
    done = on_cluster(*search, "--seeds", f"0-{number - 1}", "--slurm", "gpus", timeout=240)
    assert f"{number} finished" in done.stdout.splitlines()
    runs = on_cluster.json("runs", "list")
    assert all(starts(on_cluster.home.run(run["id"]).events) == 1 for run in runs)
    moments = []
    for run in runs:
        first, *_, last = EventLogReader(on_cluster.home.run(run["id"]).events).read()
        moments += [(first.time, 1), (last.time, -1)]
    running = most = 0
    for _, change in sorted(moments):
        running += change
        most = max(most, running)
    assert 1 <= most <= 2


@pytest.mark.storm
def test_a_cancelled_run_stops_with_a_checkpoint_and_resumes(on_cluster: Cli, finished: Finished) -> None:
    run = on_cluster.json(*TINY_SEARCH, "--slurm", "default", "--detach")["id"]
    on_cluster.reach_epoch(run, 1)
    slurm(on_cluster, "scancel", SlurmJobs(on_cluster.home).read().entries[run].job)
    assert until_status(on_cluster, run, "stopped", "lost") == "stopped"
    on_cluster("runs", "resume", run)
    assert until_status(on_cluster, run, "finished", "failed") == "finished"
    assert on_cluster.series(run) == finished.cli.series(finished.run)


@pytest.mark.storm
def test_a_time_limit_shorter_than_the_run_changes_nothing(on_cluster: Cli) -> None:
    long = {"epochs": 40, "image_limit": 800}
    words = [*TINY_SEARCH, *(f"--set={key}={value}" for key, value in long.items())]
    run = on_cluster.json(*words, "--slurm", "short", "--detach")["id"]
    job = until_requeued(on_cluster, run, 2)
    slurm(on_cluster, "scontrol", "update", f"JobId={job}", "TimeLimit=60")  # a slow machine would need many more
    whole = on_cluster.search(**long)["id"]
    assert until_status(on_cluster, run, "finished", "failed", "lost") == "finished"
    events = [entry.event for entry in EventLogReader(on_cluster.home.run(run).events).read()]
    stops = [event for event in events if isinstance(event, Stopped)]
    assert len(stops) >= 2
    assert on_cluster.wait(whole, "finished", seconds=240) == "finished"
    assert on_cluster.series(run) == on_cluster.series(whole)


@pytest.mark.storm
@pytest.mark.parametrize("nodes", [1, 2])
def test_two_tasks_of_srun_compute_what_two_processes_do(on_cluster: Cli, nodes: int) -> None:
    on_cluster.environment["MASTER_ADDR"] = "127.0.0.1"  # the names of the nodes are only Slurm's
    words = ("--gpus", 2)
    small = {"epochs": 2, "image_limit": 200}
    run = on_cluster.retrain("DrNAS_cifar10", *words, "--slurm", "default", "--nodes", nodes, **small)["id"]
    here = on_cluster.retrain("DrNAS_cifar10", *words, **small)["id"]
    assert until_status(on_cluster, run, "finished", "failed", "lost") == "finished"
    assert on_cluster.wait(here, "finished") == "finished"
    assert on_cluster.series(run) == on_cluster.series(here)


@pytest.mark.storm
def test_two_tasks_of_srun_are_requeued_and_change_nothing(on_cluster: Cli) -> None:
    small = {"epochs": 4, "image_limit": 200}
    run = on_cluster.retrain("DrNAS_cifar10", "--gpus", 2, "--slurm", "default", **small)["id"]
    here = on_cluster.retrain("DrNAS_cifar10", "--gpus", 2, **small)["id"]
    on_cluster.reach_epoch(run, 1)
    slurm(on_cluster, "scancel", "--batch", "--signal=USR1", SlurmJobs(on_cluster.home).read().entries[run].job)
    assert until_status(on_cluster, run, "finished", "failed", "lost") == "finished"
    assert starts(on_cluster.home.run(run).events) == 2
    assert on_cluster.wait(here, "finished") == "finished"
    assert on_cluster.series(run) == on_cluster.series(here)
