"""Helper processes of tests: engines that hold a lock, die, or meet a full disk."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HOLDER = """
import sys, pathlib
from runs.store.lock import engine_lock
with engine_lock(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


# As on a file system without locks.
LOCKLESS = """
import errno, fcntl
def flock(descriptor, operation):
    raise OSError(errno.ENOLCK, "No locks available")
fcntl.flock = flock
"""


def python(script: str, *arguments: object) -> subprocess.Popen[str]:
    """Start Python with its safe path and with pipes for its streams."""
    return subprocess.Popen(
        [sys.executable, "-P", "-c", script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def output(script: str, *arguments: object) -> str:
    """Return what a script prints."""
    process = python(script, *arguments)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out


@contextlib.contextmanager
def running(script: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Run a script that prints a line once it is ready; it is killed at the end."""
    process = python(script, *arguments)
    try:
        assert process.stdout is not None
        assert process.stdout.readline(), process.communicate()[1]
        yield process
    finally:
        process.kill()
        process.communicate()


@contextlib.contextmanager
def lock_holder(path: Path, *, before: str = "") -> Iterator[subprocess.Popen[str]]:
    """Let another process hold an engine's lock; it exits cleanly unless the block kills it.

    Args:
        path: the lock file.
        before: what the process does before it takes the lock, such as :data:`LOCKLESS`.
    """
    with running(before + HOLDER, path) as process:
        yield process
        process.communicate(timeout=60)
