"""Runs as jobs of Slurm, whose commands are played by a test: what is submitted, shown, stopped, resumed, refused."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

import nastui_start
from nastui.cli import doctor
from runs.store.lock import is_held
from runs.store.slurm_jobs import SlurmJobs
from tests.end_to_end.conftest import COPIES, TINY, Cli, Finished
from tests.end_to_end.copies import Program
from tests.end_to_end.slurm import FakeSlurm, listed

TINY_SEARCH = ("search", "drnas", "--preset", "quick", "--seed", 3, *(f"--set={k}={v}" for k, v in TINY.items()))
PROFILES = """
[slurm.default]
partition = "main"
account = "nas"
time = "12:00:00"
extra = ["--exclude=node3"]
setup = ["module load cuda", "conda activate nas"]
[slurm.gpus]
partition = "gpu"
gres = "gpu:a100:1"
cpus = 8
mem = "32G"
at_once = 4
notice = 300
"""


@pytest.fixture
def slurm(cli: Cli, tmp_path: Path) -> FakeSlurm:
    fake = FakeSlurm(tmp_path / "slurm")
    cli.environment["PATH"] = fake.path
    cli.home.root.mkdir()
    (cli.home.root / "config.toml").write_text(PROFILES)
    return fake


def submission(cli: Cli, run: str) -> str:
    """Return the name of a run's job."""
    return SlurmJobs(cli.home).read().entries[run].submission


def forget_answer(cli: Cli) -> None:
    """Have the next command ask Slurm, as it does after 15 seconds."""
    (cli.home.slurm / "asked").unlink(missing_ok=True)


def start(cli: Cli) -> tuple[str, str]:
    """Submit a run; return its id and the name of its job."""
    run = str(cli.json(*TINY_SEARCH, "--slurm", "--detach")["id"])
    return run, submission(cli, run)


def row(cli: Cli, run: str) -> str:
    """Return the line of a run in the list."""
    return next(line for line in cli("runs", "list").stdout.splitlines() if line.startswith(run[:8]))


def is_untouched(cli: Cli) -> bool:
    """Return whether there is no run, no sweep and no job."""
    there = [path for folder in (cli.home.runs, cli.home.sweeps) for path in folder.glob("*") if path.is_dir()]
    return not there and not SlurmJobs(cli.home).read().entries


def test_a_dry_run_prints_the_script_and_creates_nothing(cli: Cli, slurm: FakeSlurm) -> None:
    script = cli(*TINY_SEARCH, "--slurm", "--dry-run").stdout
    lines = script.splitlines()
    assert lines[0] == "#!/bin/bash"
    for option in ("partition=main", "account=nas", "time=12:00:00", "exclude=node3", "ntasks=1"):
        assert f"#SBATCH --{option}" in lines
    assert {"#SBATCH --open-mode=append", "#SBATCH --requeue", "#SBATCH --signal=B:USR1@120"} <= set(lines)
    assert lines[-3:-1] == ["module load cuda", "conda activate nas"]
    assert re.fullmatch(r"exec \S+ -P \S+nastui_start.py runs.slurm.job \S+ nastui-[0-9a-f]{8}", lines[-1])
    done = subprocess.run(["bash", "-n"], input=script, text=True, check=False)
    assert done.returncode == 0
    several = cli(*TINY_SEARCH[:4], "--slurm", "gpus", "--gpus", 8, "--nodes", 2, "--seeds", "0-5", "--dry-run").stdout
    for option in ("nodes=2", "ntasks=8", "ntasks-per-node=4", "cpus-per-task=8", "gres=gpu:a100:4", "array=0-5%4"):
        assert f"#SBATCH --{option}\n" in several
    assert is_untouched(cli) and slurm.calls("sbatch") == []


def test_a_run_waits_with_its_reason_and_is_asked_about_once_for_all(cli: Cli, slurm: FakeSlurm) -> None:
    run, name = start(cli)
    assert slurm.calls("sbatch") == [f"--parsable {cli.home.slurm / name}.sh"]
    other, second = start(cli)
    answer = listed(name, "PENDING", reason="Priority", starts="2030-11-27T14:20:00", restarts=2)
    slurm.answers("squeue", answer + listed(second, "PENDING", job="8", reason="JobHeldUser"))
    forget_answer(cli)
    before = len(slurm.calls("squeue"))
    assert "pending (Priority, starts about 27 Nov 14:20), requeued 2 times" in row(cli, run)
    assert "pending (JobHeldUser)" in row(cli, other)
    shown = cli.json("runs", "show", run)
    assert shown["status"] == "queued"
    assert shown["slurm"] == {
        "job": "7",
        "state": "PENDING",
        "reason": "Priority",
        "starts": "2030-11-27T14:20:00",
        "nodes": "",
        "restarts": 2,
        "ended": False,
        "profile": "default",
    }
    text = cli("runs", "show", run).stdout
    assert "job 7: pending (Priority" in text and f"{name}.log" in text
    (asked,) = slurm.calls("squeue")[before:]
    assert all(word in asked for word in (f"--user={os.getuid()}", name, second))


def test_a_job_that_vanished_leaves_a_lost_run_that_can_be_resumed(cli: Cli, slurm: FakeSlurm) -> None:
    run, name = start(cli)
    slurm.answers("squeue", listed(name, "CANCELLED"))
    forget_answer(cli)
    assert cli.status(run) == "lost"
    assert cli.json("runs", "show", run)["problem"] == "Its Slurm job 7 was cancelled."
    assert "job 7 was cancelled; output in" in cli("runs", "show", run).stdout
    slurm.answers("sbatch", "9\n")
    cli("runs", "resume", run)
    again = submission(cli, run)
    assert again != name  # should the old job come back, it finds that the run is no longer its own
    slurm.answers("squeue", listed(again, "PENDING", job="9"))
    forget_answer(cli)
    assert cli.status(run) == "queued"
    done = cli("runs", "resume", run, code=4)
    assert "already has the Slurm job 9: pending" in done.stderr
    assert "is in Slurm" in cli("runs", "rm", run, "--yes", code=4).stderr
    slurm.answers("squeue", "")
    forget_answer(cli)
    assert cli.status(run) == "lost"
    assert cli.json("runs", "show", run)["problem"] == "Its Slurm job 9 is no longer known to Slurm."


def test_the_queue_lists_what_slurm_has_and_what_is_varied(cli: Cli, slurm: FakeSlurm) -> None:
    grid = ("--grid", "learning_rate=0.01,0.025", "--slurm", "gpus", "--device", "cpu", "--detach")
    sweep = cli.json(*TINY_SEARCH[:4], "--seeds", "0-1", *grid)
    name = submission(cli, sweep["rows"][0]["runs"][0]["run"])
    later = listed(name, "PENDING", task=2, reason="Resources", starts="2030-11-27T14:20:00")
    sooner = listed(name, "PENDING", task=3, reason="Resources", starts="2030-11-26T14:20:00")
    slurm.answers("squeue", later + sooner + listed(name, "PENDING", task=0, reason="JobHeldUser"))
    forget_answer(cli)
    title, *lines = cli("queue").stdout.splitlines()
    assert title.split() == ["job", "id", "method", "data", "seed", "values", "profile", "slurm"]
    assert [line.split()[0] for line in lines] == ["7_3", "7_2", "7_0"]
    assert "learning_rate=0.025  gpus     pending (Resources, starts about 26 Nov 14:20)" in lines[0]
    found = cli.json("queue", "list")
    assert found["waiting"] == []
    assert [(job["job"], job["seed"], job["values"]) for job in found["slurm"]] == [
        ("7_3", 1, {"learning_rate": "0.025"}),
        ("7_2", 1, {"learning_rate": "0.01"}),
        ("7_0", 0, {"learning_rate": "0.01"}),
    ]
    slurm.refuses("squeue", "squeue: error: Unable to contact slurm controller\n")
    forget_answer(cli)
    done = cli("queue")
    assert done.stderr == "Slurm refused 'squeue': Unable to contact slurm controller. Its last answer is shown.\n"
    assert len(done.stdout.splitlines()) == 4


def test_slurm_that_does_not_answer_loses_no_run(cli: Cli, slurm: FakeSlurm) -> None:
    run, _ = start(cli)
    slurm.refuses("squeue", "squeue: error: Unable to contact slurm controller\n")
    forget_answer(cli)
    assert cli.status(run) == "queued"
    assert SlurmJobs(cli.home).read().fault == "Slurm refused 'squeue': Unable to contact slurm controller."


def test_stop_cancels_a_run_that_waits(cli: Cli, slurm: FakeSlurm) -> None:
    run, _ = start(cli)
    assert cli("runs", "stop", run).stderr == f"{run[:8]} is lost.\n"
    assert slurm.calls("scancel") == ["--quiet 7"]
    assert cli.status(run) == "lost"
    assert cli("runs", "rm", run, "--yes").stderr


def test_a_sweep_is_an_array_and_its_missing_runs_are_submitted_again(cli: Cli, slurm: FakeSlurm) -> None:
    sweep = cli.json(*TINY_SEARCH[:4], "--seeds", "0-2", "--slurm", "--detach")
    assert sweep["statuses"] == {"queued": 3}
    members = [cell["run"] for row in sweep["rows"] for cell in row["runs"]]
    name = submission(cli, members[0])
    assert "#SBATCH --array=0-2\n" in (cli.home.slurm / f"{name}.sh").read_text()
    assert [SlurmJobs(cli.home).read().entries[run].job_id for run in members] == ["7_0", "7_1", "7_2"]
    waiting = listed(name, "PENDING", task=0) + listed(name, "RUNNING", task=1, nodes="node17")
    slurm.answers("squeue", waiting + listed(name, "TIMEOUT", task=2))
    forget_answer(cli)
    assert cli.json("sweep", "show", "latest")["statuses"] == {"queued": 2, "lost": 1}
    assert "starting on node17" in row(cli, members[1])
    cli("sweep", "resume", "latest")
    assert len(slurm.calls("sbatch")) == 2
    again = submission(cli, members[2])
    assert "--array" not in (cli.home.slurm / f"{again}.sh").read_text()
    slurm.answers("squeue", waiting + listed(again, "PENDING"))
    cli("sweep", "add-seeds", "latest", 5)
    assert len(slurm.calls("sbatch")) == 3
    cli("sweep", "stop", "latest")
    assert {"7_0", "7_1", "7"} <= set(slurm.calls("scancel")[0].split())


BAD_PROFILES = {
    "an unknown key": ('partitions = "gpu"', 2, "has no 'partitions'. Did you mean 'partition'?"),
    "a number for text": ("partition = 3", 2, "'partition' of [slurm.default] must be text in quotes."),
    "text for a number": ('cpus = "8"', 2, "'cpus' of [slurm.default] must be a whole number."),
    "no time limit": ('time = "soon"', 2, "must be a time limit such as '12:00:00' or '2-00', got 'soon'."),
    "a second line": ('account = "nas\\n#SBATCH --uid=0"', 2, "'account' of [slurm.default] must be a single line."),
    "no option": ('extra = ["exclude node3"]', 2, "must be options of sbatch"),
    "no notice": ("notice = 0", 2, "'notice' of [slurm.default] must be greater than or equal to 1."),
}


@pytest.mark.parametrize("case", BAD_PROFILES)
def test_a_bad_profile_is_one_sentence_and_nothing_is_created(case: str, cli: Cli, slurm: FakeSlurm) -> None:
    line, code, fault = BAD_PROFILES[case]
    (cli.home.root / "config.toml").write_text(f"[slurm.default]\n{line}\n")
    for words in ((), ("--seeds", "0-2")):
        done = cli(*TINY_SEARCH[:4], *words, "--slurm", code=code)
        assert fault in done.stderr and done.stderr.count("\n") == 1
    assert is_untouched(cli) and slurm.calls("sbatch") == []


BAD_WORDS = {
    "no such profile": (("--slurm", "gpu"), 3, "There is no Slurm profile 'gpu'"),
    "its own queue": (("--slurm", "--queue"), 2, "--queue and --slurm cannot be used together."),
    "nodes without Slurm": (("--nodes", 2), 2, "--nodes needs --slurm."),
    "a dry run without Slurm": (("--dry-run",), 2, "--dry-run needs --slurm."),
    "an unequal share": (("--slurm", "--gpus", 4, "--nodes", 3), 2, "4 processes cannot be shared out equally among 3"),
    "a numbered device": (("--slurm", "--device", "cuda:3"), 2, "with --slurm it must be auto, cpu or cuda"),
    "unequal members": (("--slurm", "--grid", "gpus=1,2"), 2, "The grid varies 'gpus'"),
}


@pytest.mark.parametrize("case", BAD_WORDS)
def test_a_bad_command_is_one_sentence_and_nothing_is_created(case: str, cli: Cli, slurm: FakeSlurm) -> None:
    words, code, fault = BAD_WORDS[case]
    done = cli(*TINY_SEARCH[:4], *words, code=code)
    assert fault in done.stderr and done.stderr.count("\n") == 1
    assert is_untouched(cli) and slurm.calls("sbatch") == []


def test_a_refused_job_leaves_nothing(cli: Cli, slurm: FakeSlurm) -> None:
    why = "No partition specified or system default partition"
    slurm.refuses("sbatch", f"sbatch: error: {why}\nsbatch: error: Batch job submission failed: {why}\n")
    for words in ((), ("--seeds", "0-2"), ("--detach",)):
        done = cli(*TINY_SEARCH[:4], *words, "--slurm", code=1)
        assert done.stderr == f"nastui: Slurm refused 'sbatch': {why}.\n"
    assert is_untouched(cli)


def test_without_slurm_here_nothing_is_created(cli: Cli, slurm: FakeSlurm) -> None:
    cli.environment["PATH"] = str(slurm.folder)
    for words in ((), ("--seeds", "0-2")):
        done = cli(*TINY_SEARCH[:4], *words, "--slurm", code=5)
        assert "There is no command 'sbatch' here." in done.stderr and done.stderr.count("\n") == 1
    assert is_untouched(cli)
    assert "#SBATCH" in cli(*TINY_SEARCH[:4], "--slurm", "--dry-run").stdout


def test_doctor_says_what_of_slurm_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slurm, file = FakeSlurm(tmp_path / "slurm"), tmp_path / "config.toml"
    monkeypatch.setenv("PATH", slurm.path)
    monkeypatch.setenv("NASTUI_HOME", str(tmp_path))
    slurm.answers("sbatch", "slurm 23.11.4\n")
    slurm.answers("sinfo", "main*\nfat\n")
    file.write_text(PROFILES + "[slurm.any]\n[slurm.typo]\ncpu = 3\n")
    commands, profiles = doctors_findings()
    assert commands == "sbatch and squeue found, slurm 23.11.4"
    assert profiles.startswith("sound: default (partition main), any (partition main, the default). ")
    assert "[slurm.gpus] names the partition 'gpu', which the cluster does not have. Allowed: main, fat." in profiles
    assert "[slurm.typo] has no 'cpu'. Did you mean 'cpus'?" in profiles
    slurm.answers("sinfo", "main\n")
    assert "[slurm.any] names no partition, and the cluster has no default. Choose one: main." in doctors_findings()[1]
    slurm.refuses("sinfo", "sinfo: error: Unable to contact slurm controller\n")
    commands, profiles = doctors_findings()
    assert commands.endswith("slurm 23.11.4; Slurm refused 'sinfo': Unable to contact slurm controller.")
    assert profiles.startswith("not checked by Slurm: default (partition main), gpus (partition gpu), any (partition")
    file.unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert doctors_findings() == ["sbatch not found: no Slurm on this machine", "none configured"]


def doctors_findings() -> list[str]:
    """Return what `nastui doctor` says of Slurm; nothing of it is an error."""
    found = doctor._slurm()
    assert all(finding.good and finding.area == "slurm" for finding in found)
    return [finding.value for finding in found]


def job(cli: Cli, name: str) -> Program:
    """Start the program of a job, as slurmd does, but as a copy: tests/end_to_end/test_slurm_cluster.py has slurmd."""
    words = [nastui_start.FILE, "runs.slurm.job", str(cli.home.root), name]
    return COPIES.start(words, cli.environment | {"SLURM_JOB_ID": "7"}, cli.folder, 120)


def test_a_job_out_of_time_is_requeued_twice_and_changes_nothing(
    cli: Cli, slurm: FakeSlurm, finished: Finished
) -> None:
    run, name = start(cli)
    for times in (1, 2):
        process = job(cli, name)
        cli.reach_epoch(run, times)
        process.send_signal(signal.SIGUSR1)
        assert process.wait() == 0
        assert slurm.calls("scontrol") == ["requeue 7"] * times
        slurm.answers("squeue", listed(name, "PENDING", reason="BeginTime", restarts=times))
        forget_answer(cli)
        assert cli.status(run) == "queued"  # though its engine has stopped
    process = job(cli, name)
    assert process.wait() == 0
    assert cli.status(run) == "finished"
    assert cli.series(run) == finished.cli.series(finished.run)
    assert len(slurm.calls("scontrol")) == 2
    ended = cli.home.run(run).events.stat().st_mtime_ns
    assert job(cli, name).wait() == 0  # it comes back although the run is done
    assert cli.home.run(run).events.stat().st_mtime_ns == ended


def test_a_job_starts_only_its_own_run_and_ends_with_a_stop(cli: Cli, slurm: FakeSlurm) -> None:
    run, name = start(cli)
    assert job(cli, "nastui-00000000").wait() == 0
    assert not is_held(cli.home.run(run).lock) and not cli.home.run(run).events.exists()
    process = job(cli, name)
    cli.reach_epoch(run, 1)
    slurm.answers("squeue", listed(name, "RUNNING", nodes="node17", restarts=1))
    forget_answer(cli)
    assert "running on node17, requeued once" in row(cli, run)
    cli("runs", "stop", run)
    assert process.wait() == 0
    assert slurm.calls("scancel") == ["--quiet 7"] and slurm.calls("scontrol") == []
    assert cli.status(run) == "stopped"
