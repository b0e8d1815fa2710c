"""Commands and their engines as copies of a process that has imported what they need already.

Python needs 0.4 s of computing time to import what a command needs, and an engine 2 s, most of it for torch. The tests
type hundreds of commands, and these start some hundred engines. Each runs in a process of its own all the same, with
its own environment, folder, standard streams and exit code: the process that has the imports forks for it. That process
ends when its standard input does, at the latest with the tests.

Commands that start engines are copies of a second process, which has imported torch, too; such a copy takes five times
as long to make. What they start as ``python nastui_start.py MODULE`` is a copy of theirs.
That real processes start, too, is shown by all tests that use :attr:`tests.end_to_end.conftest.Cli.afresh`, the
dashboard in a terminal, torchrun or Slurm.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import nastui_start

ENGINE = "engine"


class Copies:
    """Starts commands, one at a time."""

    def __init__(self) -> None:
        self._originals: dict[bool, subprocess.Popen[str]] = {}

    def run(
        self,
        words: list[str],
        environment: dict[str, str],
        folder: Path,
        scratch: Path,
        seconds: float,
        *,
        starts_engines: bool,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command and return how it ended.

        Args:
            words: the command line, starting with the path of the console script.
            environment: its environment variables.
            folder: its working folder.
            scratch: an existing folder for what it prints.
            seconds: after this time the command is ended by an alarm.
            starts_engines: let the engines that it starts be copies, too.
        """
        printed = [scratch / f"{os.getpid()}.{name}" for name in ("stdout", "stderr")]
        request = (words, environment, str(folder), [str(path) for path in printed], seconds)
        code = self._ask(self._ask(request, starts_engines), starts_engines)
        texts = [path.read_bytes().decode() for path in printed]
        for path in printed:
            path.unlink()
        return subprocess.CompletedProcess(words, code, *texts)

    def start(
        self,
        words: list[str],
        environment: dict[str, str],
        folder: Path,
        seconds: float,
        printed: tuple[str, str] = (os.devnull, os.devnull),
    ) -> Program:
        """Start a command, or a module of ours as ``python nastui_start.py MODULE`` does; its engines are copies, too.

        Args:
            words: the command line, starting with the path of the console script or of ``nastui_start.py``.
            environment: its environment variables.
            folder: its working folder.
            seconds: after this time it is ended by an alarm.
            printed: the files that are its standard output and standard error.
        """
        return Program(self._ask((words, environment, str(folder), printed, seconds), True), self)

    def _ask(self, request: object, starts_engines: bool) -> int:
        """Have a process that has the imports make a copy, or wait for the one with a number.

        Returns:
            The number of the process, or its exit code.
        """
        try:
            original = self._originals.get(starts_engines) or _original(starts_engines)
            self._originals[starts_engines] = original
            assert original.stdin is not None and original.stdout is not None
            original.stdin.write(json.dumps(request) + "\n")
            original.stdin.flush()
            return int(original.stdout.readline())
        except BaseException:
            self.close()  # so that no later command reads this one's answer
            raise

    def close(self) -> None:
        """End the processes that have the imports."""
        while self._originals:
            with contextlib.suppress(BrokenPipeError):
                self._originals.popitem()[1].__exit__(None, None, None)  # closes its standard input and waits for it


@dataclass(frozen=True)
class Program:
    """What a test has started.

    Attributes:
        pid: the number of its process.
        copies: what started it.
    """

    pid: int
    copies: Copies

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def wait(self) -> int:
        """Wait for its end and return its exit code."""
        return self.copies._ask(self.pid, True)


def _original(starts_engines: bool) -> subprocess.Popen[str]:
    command = [sys.executable, "-P", __file__, *([ENGINE] if starts_engines else [])]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _serve() -> tuple[Any, ...] | None:
    """Make a copy for each request and answer with its number, or answer a number with the exit code of its copy.

    In a copy, return the request.
    """
    for line in iter(sys.stdin.readline, ""):
        request: tuple[Any, ...] | int = json.loads(line)
        if isinstance(request, int):
            answer = os.waitstatus_to_exitcode(os.waitpid(request, 0)[1])
        elif not (answer := os.fork()):
            return request
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()
    return None


def _become(
    words: list[str], environment: dict[str, str], folder: str, printed: tuple[str, str], seconds: float
) -> None:
    """Turn this copy into a command that has just started."""
    signal.alarm(int(seconds))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in a shell's background start with it ignored
    for number, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        *((number, path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) for number, path in enumerate(printed, start=1)),
    ):
        opened = os.open(path, flags)
        os.dup2(opened, number)
        os.close(opened)
    _enter(environment)
    os.chdir(folder)
    sys.argv = words[1:] if words[0] == nastui_start.FILE else words


def _enter(environment: Mapping[str, str]) -> None:
    """Take over environment variables. Modules that are imported later are searched for where they say."""
    os.environ.clear()
    os.environ |= environment
    sys.path[:0] = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    importlib.invalidate_caches()


class _Popen(subprocess.Popen[Any]):
    """Starts a module of ours as a copy of this process, and every other program as usual.

    A copy has only the thread that made it, and would wait for ever for a lock that another one held. So a process
    makes copies only while its other threads are those of dispatchers and launchers: they wait for the system, hold no
    lock that a copy needs, and have nothing left to import.
    """

    _HARMLESS = frozenset({"MainThread", "heartbeat", "notifications", "reaper"})

    def __init__(self, words: list[str], **options: Any) -> None:
        own = [sys.executable, "-P", nastui_start.FILE]
        if words[: len(own)] == own and {thread.name for thread in threading.enumerate()} <= self._HARMLESS:
            environment = dict(options.get("env") or os.environ)
            # The standard streams, the folder and the session are already those of the new process.
            options["preexec_fn"] = lambda: _be_module(words[len(own) :], environment)
        super().__init__(words, **options)


def _be_module(words: list[str], environment: Mapping[str, str]) -> None:
    """Run a module of ours as a program that has just started, and end."""
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    for number in {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD}:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Popen restores them, and Python ignores them when it starts
        signal.signal(number, signal.SIG_IGN)
    _enter(environment)
    sys.argv = list(words)
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__ = (_unbuffered(1), _unbuffered(2))
    gc.enable()  # subprocess has disabled it
    _end(_module)


def _module() -> None:
    """Run the module that the command line names."""
    sys.modules.pop(sys.argv[0], None)  # or runpy would warn
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _end(program: Callable[[], object]) -> NoReturn:
    """Run a program, and end as Python does, but do not take down all that has been imported: that takes long."""
    code: object = 0
    try:
        program()
    except SystemExit as end:
        code = end.code or 0
        if not isinstance(code, int):
            sys.stderr.write(f"{code}\n")
            code = 1
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(int(code))  # type: ignore[call-overload]


def _unbuffered(number: int) -> io.TextIOWrapper:
    stream = os.fdopen(number, "wb", buffering=0, closefd=False)
    return io.TextIOWrapper(stream, encoding="utf-8", errors="backslashreplace", write_through=True)


if __name__ == "__main__":
    gc.disable()  # looking through what is imported takes a quarter of the time of importing it
    import typer.main

    from nastui.cli import main
    from nastui.cli.application import app

    packages = ["runs.catalogue", "runs.store", "runs.supervision", "runs.benchmarks", "nastui.cli"]
    if ENGINE in sys.argv:
        packages += ["runs.fleet", "runs.slurm", "engine"]
        importlib.import_module("torch._dynamo")  # the first optimiser imports it, which takes another second
    for package in packages:
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if not module.name.endswith(
                ("__main__", "engine.tools.onnx_file")
            ):  # a program; a module that needs an extra
                importlib.import_module(module.name)
    # Three quarters of the time of a short command go into making typer's commands of our functions.
    typer.main.get_command = functools.cache(typer.main.get_command)
    typer.main.get_command(app)
    gc.freeze()  # a copy would look through all imported objects when it ends, which takes longer than most commands
    gc.enable()
    if (request := _serve()) is not None:
        if ENGINE in sys.argv:
            subprocess.Popen = _Popen  # type: ignore[misc]
        _become(*request)
        _end(_module if request[0][0] == nastui_start.FILE else main)
