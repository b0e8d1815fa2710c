"""Slurm for tests: commands that play its part everywhere, and a real cluster in a folder where it is installed."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd")
COMMANDS = ("sbatch", "squeue", "scancel", "scontrol", "srun", "sinfo")
NODES = 2
_FAKE = """#!/bin/sh
echo "{name} $*" >> "{folder}/calls"
if [ -f "{folder}/{name}.refuses" ]; then cat "{folder}/{name}.refuses" >&2; exit 1; fi
cat "{folder}/{name}.answers" 2>/dev/null || true
"""


class FakeSlurm:
    """Commands of Slurm's names that note how they were called, and answer what a test says.

    Args:
        folder: for the commands and what they note.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "bin").mkdir(parents=True)
        for name in ("sbatch", "squeue", "scancel", "scontrol", "sinfo"):
            file = folder / "bin" / name
            file.write_text(_FAKE.format(name=name, folder=folder))
            file.chmod(0o755)
        self.answers("sbatch", "7\n")

    @property
    def path(self) -> str:
        """The value of PATH that finds these commands first."""
        return f"{self.folder / 'bin'}:{os.environ['PATH']}"

    def answers(self, name: str, text: str) -> None:
        """Have a command print a text and succeed."""
        (self.folder / f"{name}.answers").write_text(text)
        (self.folder / f"{name}.refuses").unlink(missing_ok=True)

    def refuses(self, name: str, text: str) -> None:
        """Have a command complain and fail."""
        (self.folder / f"{name}.refuses").write_text(text)

    def calls(self, name: str) -> list[str]:
        """Return the options of each call of a command so far."""
        try:
            lines = (self.folder / "calls").read_text().splitlines()
        except FileNotFoundError:
            return []
        return [line.removeprefix(f"{name} ") for line in lines if line.startswith(f"{name} ")]


def listed(
    name: str,
    state: str,
    *,
    job: str = "7",
    task: object = "N/A",
    reason: str = "None",
    starts: str = "N/A",
    nodes: str = "",
    restarts: int = 0,
) -> str:
    """Return a line of squeue, as for ``--Format`` with our fields."""
    words = (job, task, job, state, restarts, starts, reason, nodes, name)
    return "".join(f"{word:<20}|" for word in map(str, words)) + "\n"


def is_installed() -> bool:
    """Return whether a cluster can be started here."""
    path = f"{os.environ['PATH']}:/usr/sbin"
    return os.getuid() == 0 and all(shutil.which(name, path=path) for name in (*DAEMONS, *COMMANDS))


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[dict[str, str]]:
    """Run a cluster of two nodes, the first with two GPUs that do not exist; yield the variables of its commands."""
    for name in ("state", "spool", "log"):
        (folder / name).mkdir(parents=True)
    folder.chmod(0o755)
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o600)
    gpus = [folder / f"gpu{number}" for number in range(2)]
    for gpu in gpus:
        gpu.touch()
    control, *nodes = _free_ports(1 + NODES)
    (folder / "slurm.conf").write_text(_configuration(folder, control, nodes))
    (folder / "gres.conf").write_text("".join(f"NodeName=node1 Name=gpu File={gpu}\n" for gpu in gpus))
    variables = {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": f"{os.environ['PATH']}:/usr/sbin"}
    munged = ["munged", "--foreground", "--force", f"--key-file={key}", f"--socket={folder}/munge.socket"]
    munged += [f"--pid-file={folder}/munged.pid", f"--seed-file={folder}/munge.seed", f"--log-file={folder}/log/munged"]
    with contextlib.ExitStack() as stack:
        stack.enter_context(_daemon(munged, folder, variables))
        _wait((folder / "munge.socket").is_socket, "munged has no socket")
        stack.enter_context(_daemon(["slurmctld", "-D"], folder, variables))
        for number in range(1, 1 + NODES):
            stack.enter_context(_daemon(["slurmd", "-D", "-N", f"node{number}"], folder, variables))
        _wait(lambda: _idle(variables) == NODES, f"the nodes are not idle; see {folder}/log")
        yield variables
        subprocess.run(["scancel", "--full", "--user=root"], env=os.environ | variables, check=False)
        _wait(lambda: _idle(variables) == NODES, "jobs do not end")


def _configuration(folder: Path, control: int, nodes: list[int]) -> str:
    host = socket.gethostname().partition(".")[0]
    lines = [
        "ClusterName=tests",
        f"SlurmctldHost={host}(127.0.0.1)",
        f"SlurmctldPort={control}",
        "AuthType=auth/munge",
        "CryptoType=crypto/munge",
        # A requeued job waits for as long as a credential is valid, by default two minutes.
        f"AuthInfo=socket={folder}/munge.socket,cred_expire=5",
        "SlurmUser=root",
        f"StateSaveLocation={folder}/state",
        f"SlurmdSpoolDir={folder}/spool/%n",
        f"SlurmctldPidFile={folder}/slurmctld.pid",
        f"SlurmdPidFile={folder}/slurmd.%n.pid",
        f"SlurmctldLogFile={folder}/log/slurmctld",
        f"SlurmdLogFile={folder}/log/slurmd.%n",
        "ProctrackType=proctrack/pgid",
        "TaskPlugin=task/none",
        "AccountingStorageType=accounting_storage/none",
        "JobAcctGatherType=jobacct_gather/none",
        "JobCompType=jobcomp/none",
        "MpiDefault=none",
        "SelectType=select/cons_tres",
        "SelectTypeParameters=CR_Core",
        "SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=0",
        "SlurmdParameters=config_overrides",  # more CPUs than the machine has
        "KillWait=10",
        "GresTypes=gpu",
        *(
            f"NodeName=node{number} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=8 RealMemory=1000"
            + (" Gres=gpu:2" if number == 1 else "")
            for number, port in enumerate(nodes, 1)
        ),
        "PartitionName=main Nodes=ALL MaxTime=INFINITE State=UP",
    ]
    return "\n".join(lines) + "\n"


def _idle(variables: dict[str, str]) -> int:
    done = subprocess.run(
        ["sinfo", "--Node", "--noheader", "--format=%T"],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.split().count("idle")


@contextlib.contextmanager
def _daemon(command: list[str], folder: Path, variables: dict[str, str]) -> Iterator[None]:
    with (folder / "log" / f"{command[0]}.out").open("ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | variables, cwd=folder
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(holds: object, otherwise: str, seconds: float = 60) -> None:
    assert callable(holds)
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)


def _free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
