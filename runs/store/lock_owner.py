"""Who holds a run's lock, and whether that process still exists."""

from __future__ import annotations

import json
import os
import socket
import time
from functools import cache
from pathlib import Path
from typing import Any

_PROCESSES = Path("/proc")


def ourselves() -> dict[str, Any]:
    """Return what tells this process from every other one, on this machine and on others."""
    pid = os.getpid()
    return {"pid": pid, "host": socket.gethostname(), "since": time.time(), "start": _start(pid), **_machine()}


def read(descriptor: int) -> dict[str, Any]:
    """Return the owner that a file names; empty if it names none."""
    try:
        owner = json.loads(os.pread(descriptor, 4096, 0))
    except (OSError, ValueError, RecursionError):
        return {}
    return owner if isinstance(owner, dict) else {}


def exists(owner: dict[str, Any]) -> bool | None:
    """Return whether an owner's process exists; None if it cannot be seen from here.

    Containers of one machine have the same host name and boot, but do not see each other's processes.
    """
    pid, ours = owner.get("pid"), {"host": socket.gethostname(), **_machine()}
    if not isinstance(pid, int) or pid <= 0 or any(owner.get(name) != value for name, value in ours.items()):
        return None
    if _PROCESSES.joinpath("self").exists():
        return bool(start := _start(pid)) and start == owner.get("start")
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


@cache
def _machine() -> dict[str, str]:
    """Return this machine's boot and the set of processes that can be seen here; empty texts if they are unknown."""
    try:
        boot = (_PROCESSES / "sys/kernel/random/boot_id").read_text().strip()
        seen = str((_PROCESSES / "self/ns/pid").readlink())
    except OSError:
        boot = seen = ""
    return {"boot": boot, "processes": seen}


def _start(pid: int) -> str:
    """Return when a process started, in ticks since boot; empty if it has ended. Numbers of processes are reused."""
    try:
        fields = (_PROCESSES / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]
