"""A process and its descendants: what the system says of each, from ``/proc`` or, without it, from ``ps``."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_PS_SECONDS = 5.0
_STATES = {
    "R": "computing",
    "S": "waiting",
    "D": "waiting for a disk, a network file system or a driver",
    "T": "suspended by a signal",
    "t": "held by a debugger",
    "Z": "ended, not yet collected",
    "I": "idle",
}


@dataclass(frozen=True)
class ProcessFacts:
    """What the system says of a process.

    Attributes:
        state: its letter, as ``ps`` shows it.
        cpu_seconds: the processor time that it has used.
        memory: resident bytes.
        threads: None if unknown.
        waits_in: the kernel function in which it waits; empty if unknown or none.
        command: its command line.
    """

    pid: int
    parent: int
    state: str
    cpu_seconds: float
    memory: int
    threads: int | None
    waits_in: str
    command: str

    @property
    def doing(self) -> str:
        """The state in words."""
        words = _STATES.get(self.state, f"in state {self.state}")
        return f"{words} in {self.waits_in}" if self.waits_in and self.state in "SD" else words

    @property
    def suspended(self) -> bool:
        """Whether it does nothing until it gets the signal CONT, or its debugger lets it go on."""
        return self.state in "Tt"


def tree(pid: int, proc: Path = _PROC) -> list[ProcessFacts]:
    """Return a process, its children, their children and so on; empty if it does not exist."""
    known = {facts.pid: facts for facts in (_from_proc(proc) if (proc / "self").exists() else _from_ps())}
    children: dict[int, list[int]] = {}
    for facts in known.values():
        children.setdefault(facts.parent, []).append(facts.pid)
    found: list[ProcessFacts] = []
    level = [pid]
    while level:
        found += [known[one] for one in level if one in known]
        level = [child for one in level for child in children.pop(one, ())]
    return found


def suspended(pid: int, proc: Path = _PROC) -> bool:
    """Return whether a process is suspended; False where the system does not tell cheaply."""
    facts = _facts(proc, pid)
    return facts is not None and facts.suspended


def _from_proc(proc: Path) -> Iterable[ProcessFacts]:
    for name in os.listdir(proc):  # noqa: PTH208 - thousands of names, as text
        if name.isdecimal() and (facts := _facts(proc, int(name))) is not None:
            yield facts


def _facts(proc: Path, pid: int) -> ProcessFacts | None:
    folder = proc / str(pid)
    try:
        # A process name may contain anything, even brackets. The fields follow the last bracket.
        fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
        command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        waits_in = ""
        with contextlib.suppress(OSError):
            waits_in = (folder / "wchan").read_text(errors="replace").strip("0 \n")
        spent = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        memory = int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
        return ProcessFacts(pid, int(fields[1]), fields[0], spent, memory, int(fields[17]), waits_in, command)
    except (OSError, ValueError, IndexError):
        return None


def _from_ps() -> Iterable[ProcessFacts]:
    words = ["ps", "-axo", "pid=,ppid=,state=,time=,rss=,command="]
    try:
        printed = subprocess.run(words, capture_output=True, text=True, timeout=_PS_SECONDS, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return
    for line in printed.splitlines():
        with contextlib.suppress(ValueError):
            pid, parent, state, spent, memory, *command = line.split(None, 5)
            yield ProcessFacts(
                int(pid), int(parent), state[:1], _seconds(spent), 1024 * int(memory), None, "", "".join(command)
            )


def _seconds(text: str) -> float:
    """Return ``1-02:03:04.5`` or ``2:03.4`` in seconds."""
    days, _, clock = text.rpartition("-")
    seconds = 0.0
    for part in clock.split(":"):
        seconds = 60 * seconds + float(part)
    return seconds + 86400 * int(days or 0)
