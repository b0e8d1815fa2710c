"""Starting processes that outlive the one that starts them: engines, and the dispatcher of the queue."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from runs.errors import EnvironmentLacksError, NastuiError
from runs.files import append_regular
from runs.processes import command, environment

START_SECONDS = 30.0


class Detached(NamedTuple):
    """A process of its own: its id, and its exit code if it has ended before it had started; otherwise None."""

    pid: int
    exit_code: int | None


def start_detached(
    name: str,
    module: str,
    *arguments: str,
    log: Path,
    has_started: Callable[[], bool],
    late: NastuiError,
    variables: Mapping[str, str] | None = None,
    cores: Collection[int] | None = None,
) -> Detached:
    """Start a module of ours as a process of its own, and return it once it has started or has ended.

    It has its own session and no terminal. Its working directory is the folder of its log.

    Args:
        name: what it is, with a capital letter, for the error.
        module: the module.
        arguments: of the module.
        log: the file to which its output is appended.
        has_started: tells whether it has, as when it holds a lock.
        late: raised if it has neither started nor ended after :data:`START_SECONDS`.
        variables: to add to its environment.
        cores: the only cores that it may run on; None for all.

    Raises:
        EnvironmentLacksError: it cannot be started, or its log cannot be written.
    """
    try:
        with append_regular(log) as output:
            process = subprocess.Popen(
                command(module, *arguments),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=log.parent,
                env=environment() | dict(variables or {}),
            )
            if cores and hasattr(os, "sched_setaffinity"):
                os.sched_setaffinity(process.pid, cores)
    except OSError as error:
        raise EnvironmentLacksError(f"{name} cannot be started: {error.strerror}.") from error
    deadline = time.monotonic() + START_SECONDS
    while not has_started():
        if (exit_code := process.poll()) is not None:
            return Detached(process.pid, exit_code)
        if time.monotonic() > deadline:
            raise late
        time.sleep(0.01)
    # Without this, a long-lived app would accumulate zombies of the processes that it started.
    threading.Thread(target=process.wait, name="reaper", daemon=True).start()
    return Detached(process.pid, None)
