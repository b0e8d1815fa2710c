"""What an engine is doing now: its last progress, its processes, and the Python stacks that it writes on request."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runs.errors import UsageError
from runs.files import MEBIBYTE, open_regular
from runs.home import RunPaths
from runs.machine import process_tree
from runs.machine.process_tree import ProcessFacts
from runs.processes import STACKS_SIGNAL
from runs.store import activity, lock
from runs.store.activity import Activity
from runs.store.record import Record

# An engine writes its stacks in milliseconds, unless its machine is overloaded.
STACKS_SECONDS = 5.0
_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Inspection:
    """What is known of a live engine.

    Attributes:
        activity: what it has begun; None for an engine of version 0.2.
        seconds: how long ago it began that.
        processes: the engine first, then its helpers; empty if it runs on another machine.
        stacks: the Python stacks of each engine process that answered, by the file that has them.
        remarks: what limits this, in sentences.
    """

    activity: Activity | None
    seconds: float
    processes: tuple[ProcessFacts, ...]
    stacks: dict[str, str]
    remarks: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return what ``nastui runs inspect --json`` prints; keys are an interface."""
        return {
            "progress": self.activity and dataclasses.asdict(self.activity) | {"seconds": self.seconds},
            "processes": [dataclasses.asdict(facts) | {"doing": facts.doing} for facts in self.processes],
            "stacks": self.stacks,
            "remarks": list(self.remarks),
        }


def inspect(record: Record) -> Inspection:
    """Look at the engine of a run, and ask it for its stacks.

    Raises:
        UsageError: the run has no engine.
    """
    paths = record.paths
    if not record.status.live:
        raise UsageError(f"Run '{record.id}' is {record.status}: it has no engine.", "See `nastui runs show`.")
    last = activity.read(paths.activity)
    seconds = activity.seconds_without_progress(last, paths) if last is not None else 0.0
    remarks = [] if last is not None else ["The engine is of an older version, and says nothing about its progress."]
    pid = lock.owner_pid(paths.lock)
    if pid is None or not lock.owner_is_here(paths.lock):
        remarks.append("The engine runs on another machine: inspect it there for its processes and stacks.")
        return Inspection(last, seconds, (), {}, tuple(remarks))
    processes = process_tree.tree(pid)
    remarks += [
        f"Process {facts.pid} is suspended; it continues with: kill -CONT {facts.pid}"
        for facts in processes
        if facts.suspended
    ]
    stacks = _stacks(paths, [facts for facts in processes if not facts.suspended and _is_engine(facts, paths)])
    if not stacks:
        remarks.append("No engine process has written its stacks. A suspended process, or one in the kernel, cannot.")
    return Inspection(last, seconds, tuple(processes), stacks, tuple(remarks))


def _is_engine(facts: ProcessFacts, paths: RunPaths) -> bool:
    return f" engine {paths.root}" in facts.command


def _stacks(paths: RunPaths, engines: list[ProcessFacts]) -> dict[str, str]:
    """Ask engine processes for their stacks and return what each wrote, by the name of its file."""
    before = {file: size for file in _files(paths) if (size := _size(file)) is not None}
    for facts in engines:
        with contextlib.suppress(OSError):
            os.kill(facts.pid, STACKS_SIGNAL)
    deadline = time.monotonic() + STACKS_SECONDS
    sizes: dict[Path, int] = before
    while engines and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        last, sizes = sizes, {file: _size(file) or 0 for file in before}
        # The launching process of several has no file of its own.
        expected = max(1, len(engines) - 1) if len(engines) > 1 else 1
        if sum(sizes[file] > before[file] for file in before) >= expected and sizes == last:
            break
    return {file.name: _text(file, before[file]) for file in before if sizes.get(file, 0) > before[file]}


def _files(paths: RunPaths) -> list[Path]:
    return sorted(paths.root.glob("stacks*.txt"))


def _size(file: Path) -> int | None:
    try:
        return file.stat().st_size
    except OSError:
        return None


def _text(file: Path, offset: int) -> str:
    try:
        with open_regular(file) as stream:
            stream.seek(offset)
            return stream.read(MEBIBYTE).decode(errors="replace").strip()
    except OSError:
        return ""
