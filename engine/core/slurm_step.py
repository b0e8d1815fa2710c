"""The ranks that Slurm gives to the processes of a step, as the variables that torchrun would set."""

from __future__ import annotations

import re
from collections.abc import Mapping

# Ports that are neither well known nor given out to clients; steps on one node are told apart by their job.
_FIRST_PORT, _PORTS = 15000, 15000


def variables(environment: Mapping[str, str], processes: int) -> dict[str, str]:
    """Return RANK, WORLD_SIZE, MASTER_ADDR and the like of a process that srun started.

    Empty if torchrun or our own launcher started it, or if the step is not that of the run: a command that is typed
    inside a job inherits variables of Slurm, too.

    Args:
        environment: the environment variables of the process.
        processes: the number of processes of the run.
    """
    if "RANK" in environment or processes < 2 or environment.get("SLURM_STEP_NUM_TASKS") != str(processes):
        return {}
    try:
        node, rank = int(environment["SLURM_NODEID"]), environment["SLURM_PROCID"]
        local_sizes = tasks_per_node(environment["SLURM_STEP_TASKS_PER_NODE"])
        port = _FIRST_PORT + (int(environment["SLURM_JOB_ID"]) + int(environment["SLURM_STEP_ID"])) % _PORTS
        first = first_node(environment["SLURM_STEP_NODELIST"]) if len(local_sizes) > 1 else "127.0.0.1"
        return {
            "RANK": rank,
            "WORLD_SIZE": str(processes),
            "LOCAL_RANK": environment["SLURM_LOCALID"],
            "LOCAL_WORLD_SIZE": str(local_sizes[node]),
            "MASTER_ADDR": environment.get("MASTER_ADDR", first),
            "MASTER_PORT": environment.get("MASTER_PORT", str(port)),
        }
    except (KeyError, ValueError, IndexError):
        return {}


def tasks_per_node(text: str) -> list[int]:
    """Return the number of processes on each node: of ``4(x2),3`` it is 4, 4, 3."""
    sizes: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d+)(?:\(x(\d+)\))?", part)
        if match is None:
            raise ValueError(f"'{text}' is not a list of numbers of tasks")
        sizes += [int(match[1])] * int(match[2] or 1)
    return sizes


def first_node(nodes: str) -> str:
    """Return the first of a list of nodes in Slurm's notation: of ``gpu[017-020,3],fat1`` it is ``gpu017``."""
    first = re.match(r"(?:[^,\[]|\[[^\]]*\])*", nodes)
    return re.sub(r"\[([^\],-]*)[^\]]*\]", r"\1", first[0] if first else nodes)
