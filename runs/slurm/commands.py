"""Slurm's own commands: the only place that calls them."""

from __future__ import annotations

import subprocess
from collections.abc import Collection, Sequence
from pathlib import Path

from runs.errors import EnvironmentLacksError, NastuiError
from runs.store.slurm_jobs import State

# A controller that is busy answers late, and its commands wait for it.
SUBMIT_SECONDS, ASK_SECONDS = 60.0, 10.0
# Fields of `squeue --Format`. The sizes are limits; the name comes last because it is ours.
_FIELDS = (
    ("ArrayJobID", 20),
    ("ArrayTaskID", 20),
    ("JobID", 20),
    ("State", 30),
    ("RestartCnt", 10),
    ("StartTime", 30),
    ("Reason", 100),
    ("NodeList", 200),
    ("Name", 80),
)


class RefusedError(NastuiError):
    """Slurm refused what was asked of it (exit 1)."""


def version() -> str:
    """Return the name and version of Slurm, such as ``slurm 23.11.4``.

    Raises:
        EnvironmentLacksError: there is no sbatch, or it does not answer.
        RefusedError: it fails.
    """
    return _run(["sbatch", "--version"], ASK_SECONDS).strip()


def partitions() -> dict[str, bool]:
    """Return the partitions of the cluster, also the hidden ones, and whether each is the default of jobs.

    Raises:
        EnvironmentLacksError: there is no sinfo, or Slurm does not answer.
        RefusedError: sinfo fails.
    """
    names = _run(["sinfo", "--noheader", "--all", "--format=%P"], ASK_SECONDS).split()
    return {name.removesuffix("*"): name.endswith("*") for name in names}


def submit(script: Path, folder: Path) -> str:
    """Submit a script from a folder, and return the id of its job.

    Raises:
        EnvironmentLacksError: there is no sbatch, or Slurm does not answer.
        RefusedError: Slurm refuses the job.
    """
    answer = _run(["sbatch", "--parsable", str(script)], SUBMIT_SECONDS, folder)
    return answer.strip().rpartition("\n")[2].partition(";")[0]


def states(names: Collection[str], users: Collection[int]) -> dict[tuple[str, int | None], State]:
    """Return the jobs with these names that Slurm knows, by name and number in the array; they may be over.

    Raises:
        EnvironmentLacksError: there is no squeue, or Slurm does not answer.
        RefusedError: squeue fails.
    """
    wanted = ",".join(f"{name}:{size}|" for name, size in _FIELDS)
    options = ["--noheader", "--array", "--states=all", f"--user={','.join(map(str, sorted(users)))}"]
    answer = _run(["squeue", *options, f"--name={','.join(sorted(names))}", f"--Format={wanted}"], ASK_SECONDS)
    found: dict[tuple[str, int | None], State] = {}
    for line in answer.splitlines():
        words = [word.strip() for word in line.split("|")]
        if len(words) < len(_FIELDS):
            continue
        array, task, job, state, restarts, starts, reason, nodes, name = words[: len(_FIELDS)]
        number = int(task) if task.isdecimal() else None
        found[name, number] = State(
            job=job if number is None else f"{array}_{number}",
            state=state,
            reason="" if reason == "None" else reason,
            starts="" if starts in ("N/A", "NONE", "") else starts,
            nodes=nodes,
            restarts=int(restarts) if restarts.isdecimal() else 0,
        )
    return found


def cancel(jobs: Sequence[str] = (), name: str = "") -> None:
    """Cancel jobs by their ids, or all with a name; those that are over already do not matter.

    Raises:
        EnvironmentLacksError: there is no scancel, or Slurm does not answer.
        RefusedError: scancel fails.
    """
    _run(["scancel", "--quiet", *([f"--name={name}"] if name else []), *jobs], SUBMIT_SECONDS)


def requeue(job: str) -> None:
    """Have a running job of ours start again as soon as it gets its resources. Slurm then ends it.

    Raises:
        EnvironmentLacksError: there is no scontrol, or Slurm does not answer.
        RefusedError: Slurm refuses it.
    """
    _run(["scontrol", "requeue", job], SUBMIT_SECONDS)


def _run(command: list[str], seconds: float, folder: Path | None = None) -> str:
    name = command[0]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            cwd=folder,
            check=False,
        )
    except FileNotFoundError as error:
        raise EnvironmentLacksError(
            f"There is no command '{name}' here.", "Slurm must be installed: use a login node of the cluster."
        ) from error
    except OSError as error:
        raise EnvironmentLacksError(f"'{name}' cannot be started: {error.strerror}.") from error
    except subprocess.TimeoutExpired as error:
        raise EnvironmentLacksError(f"Slurm has not answered '{name}' in {seconds:.0f} s.", "Try again.") from error
    if done.returncode:
        raise RefusedError(f"Slurm refused '{name}': {_fault(done.stderr or done.stdout, name)}.")
    return done.stdout


def _fault(text: str, name: str) -> str:
    """Return what a command complained of, without its prefixes."""
    lines = [
        line.strip().removeprefix(f"{name}: ").removeprefix("error: ").removeprefix("fatal: ")
        for line in text.splitlines()
    ]
    lines = [line.removeprefix("Batch job submission failed: ") for line in lines if line]
    return (lines[-1] if lines else "it gave no reason").rstrip(".")[:300]
