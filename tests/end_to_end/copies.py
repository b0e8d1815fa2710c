"""Commands as copies of one process that has imported the command line already.

Python needs 0.4 s of computing time to import what a command needs, and the tests type hundreds of them. Each runs in a
process of its own all the same, with its own environment, folder, standard streams and exit code: the process that has
the imports forks for it. It ends when its standard input does, at the latest with the tests.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any


class Copies:
    """Starts commands, one at a time."""

    def __init__(self) -> None:
        self._original: subprocess.Popen[str] | None = None

    def run(
        self, words: list[str], environment: dict[str, str], folder: Path, scratch: Path, seconds: float
    ) -> subprocess.CompletedProcess[str]:
        """Run a command and return how it ended.

        Args:
            words: the command line, starting with the path of the console script.
            environment: its environment variables.
            folder: its working folder.
            scratch: an existing folder for what it prints.
            seconds: after this time the command is ended by an alarm.
        """
        printed = [scratch / f"{os.getpid()}.{name}" for name in ("stdout", "stderr")]
        request = (words, environment, str(folder), [str(path) for path in printed], seconds)
        try:
            original = self._original = self._original or _original()
            assert original.stdin is not None and original.stdout is not None
            original.stdin.write(json.dumps(request) + "\n")
            original.stdin.flush()
            code = int(original.stdout.readline())
        except BaseException:
            self.close()  # so that no later command reads this one's answer
            raise
        texts = [path.read_bytes().decode() for path in printed]
        for path in printed:
            path.unlink()
        return subprocess.CompletedProcess(words, code, *texts)

    def close(self) -> None:
        """End the process that has the imports."""
        original, self._original = self._original, None
        if original is not None:
            with contextlib.suppress(BrokenPipeError):
                original.__exit__(None, None, None)  # closes its standard input and waits for it


def _original() -> subprocess.Popen[str]:
    command = [sys.executable, "-P", __file__]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _serve() -> tuple[Any, ...] | None:
    """Answer each request with the exit code of its command; in a copy, return the request."""
    for line in iter(sys.stdin.readline, ""):
        request: tuple[Any, ...] = json.loads(line)
        if not (child := os.fork()):
            return request
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()
    return None


def _become(
    words: list[str], environment: dict[str, str], folder: str, printed: tuple[str, str], seconds: float
) -> None:
    """Turn this copy into a command that has just started."""
    signal.alarm(int(seconds))
    for number, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        *((number, path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) for number, path in enumerate(printed, start=1)),
    ):
        opened = os.open(path, flags)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ |= environment
    os.chdir(folder)
    sys.argv = words


if __name__ == "__main__":
    from nastui.cli import main

    for package in ("runs.catalogue", "runs.store", "runs.supervision", "runs.benchmarks", "nastui.cli"):
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            importlib.import_module(module.name)
    gc.freeze()  # a copy would look through all imported objects when it ends, which takes longer than most commands
    if (request := _serve()) is not None:
        _become(*request)
        main()
