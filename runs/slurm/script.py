"""The script of a job, as text."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from runs.slurm.profile import Request


def script(
    request: Request,
    name: str,
    command: Sequence[str],
    folder: Path,
    *,
    tasks: int | None = None,
    variables: Mapping[str, str] | None = None,
) -> str:
    """Return the script that sbatch gets.

    The program replaces the shell, so that Slurm's signals reach it: USR1 some time before the time limit, TERM if the
    job is cancelled or preempted.

    Args:
        request: what is asked for.
        name: of the job.
        command: the program.
        folder: from which it is submitted; what the job prints goes there.
        tasks: the number of jobs, if they are an array.
        variables: the environment variables that the program needs.
    """
    profile = request.profile
    log = f"{name}.log" if tasks is None else f"{name}_%a.log"
    options = [
        *profile.extra,  # the first, as sbatch takes the last of two equal options
        f"--job-name={name}",
        *_given("partition", profile.partition),
        *_given("account", profile.account),
        *_given("qos", profile.qos),
        *_given("constraint", profile.constraint),
        f"--nodes={request.nodes}",
        f"--ntasks={request.processes}",
        *([f"--ntasks-per-node={request.processes // request.nodes}"] if request.nodes > 1 else []),
        *_given("cpus-per-task", str(profile.cpus or "")),
        *_given("gres", request.gres),
        *_given("mem", profile.mem),
        *_given("time", profile.time),
        *([f"--array=0-{tasks - 1}{f'%{profile.at_once}' if profile.at_once else ''}"] if tasks is not None else []),
        f"--output={log}",
        "--open-mode=append",  # a requeued job continues its log
        "--requeue",
        f"--signal=B:USR1@{profile.notice}",
    ]
    exports = [f"export {key}={shlex.quote(value)}" for key, value in (variables or {}).items()]
    lines = [
        "#!/bin/bash",
        *(f"#SBATCH {option}" for option in options),
        f"# Submitted from {str(folder)!r}.",
        *exports,
        *profile.setup,
        f"exec {shlex.join(command)}",
    ]
    return "\n".join(lines) + "\n"


def _given(option: str, value: str) -> list[str]:
    if not value:
        return []
    return [f"--{option}={value}" if " " not in value else f'--{option}="{value}"']
