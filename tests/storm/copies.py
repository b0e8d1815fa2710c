"""Engines and commands as copies of one process that has imported torch and the command line already.

A process of its own takes 1 to 3 seconds of computing time until it has imported torch; a copy takes 0.1. So a storm
can start thousands. A copy behaves as the real program, except that

* engines that a command starts are copies, too;
* :class:`Faults` says when its disk fails, when it is killed, and what its clock shows.

The test process adopts every orphan, so that none escapes :func:`orphans`.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import functools
import multiprocessing
import multiprocessing.forkserver
import multiprocessing.process
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import Any

from runs import files

ROOT = Path(__file__).parents[2]
_ADOPT_ORPHANS = 36  # PR_SET_CHILD_SUBREAPER
CHECKPOINT = ".checkpoint"  # and the name under which the one before is kept


@dataclass(frozen=True)
class Faults:
    """What goes wrong in a copy.

    Attributes:
        kill_at: the number of the disk operation before which, or in the middle of which, the copy kills itself.
        of: count only operations on files whose name begins like this.
        kill_in_transition: the number of the call inside the first transition at which the copy kills itself.
        full_at: the number of the write at which the disk is full.
        full_for: how many writes fail.
        no_locks: the file system knows no locks.
        clock: what is added to the clock, in seconds; one after the other, each for ``clock_reads`` readings.
    """

    kill_at: int | None = None
    of: str = ""
    kill_in_transition: int | None = None
    full_at: int | None = None
    full_for: int = 10**9
    no_locks: bool = False
    clock: tuple[float, ...] = ()
    clock_reads: int = 1


NONE = Faults()


@functools.cache
def _server() -> ForkServerContext:
    """Start the process that is copied, once."""
    ctypes.CDLL(None, use_errno=True).prctl(_ADOPT_ORPHANS, 1, 0, 0, 0)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.storm.preloaded"])
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(ROOT)  # for the server; copies get an environment of their own
    try:
        multiprocessing.forkserver.ensure_running()
    finally:
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before
    return context


def engine(root: Path, faults: Faults = NONE) -> BaseProcess:
    """Start an engine for a run, as `runs.supervision.launching` does."""
    return _started(_engine, str(root), _environment(), faults)


def command(
    *words: object,
    home: Path,
    folder: Path,
    printed: Path,
    seconds: int = 600,
    faults: Faults = NONE,
    engines: str = "copies",
) -> BaseProcess:
    """Start a command; after so many seconds it is ended by an alarm.

    Args:
        words: without the name of the program.
        home: of its runs.
        folder: its working folder.
        printed: an existing folder for the files ``stdout`` and ``stderr``.
        seconds: its longest duration.
        faults: what goes wrong.
        engines: ``copies``, or ``stubs`` that finish at once.
    """
    environment = _environment() | {"NASTUI_HOME": str(home)}
    return _started(_command, [*map(str, words)], environment, str(folder), str(printed), seconds, faults, engines)


def dashboard(home: Path, folder: Path, keys: list[str], printed: Path, seconds: int = 600) -> BaseProcess:
    """Open the dashboard without a terminal, press keys, and close it."""
    environment = _environment() | {"NASTUI_HOME": str(home)}
    return _started(_dashboard, environment, str(folder), keys, str(printed), seconds)


def in_a_copy(function: Callable[..., None], *arguments: Any) -> int:
    """Call a function of a module in a copy, and return 0; 1 if it raises, with a traceback on stderr."""
    process = _started(_call, function, arguments)
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def orphans() -> list[int]:
    """Return the processes that are left of copies that have ended; those that have ended themselves are reaped."""
    left = [process.pid or 0 for process in _copies if process.exitcode is None]
    _copies.clear()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            pid = int(folder.name)
            if parent == os.getpid() and _is_copy(folder) and os.waitpid(pid, os.WNOHANG) == (0, 0):
                left.append(pid)
    return left


def _is_copy(folder: Path) -> bool:
    return b"multiprocessing.forkserver" in (folder / "cmdline").read_bytes() and (
        int(folder.name) != multiprocessing.forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    )


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("NASTUI_", "PYTEST_"))}


def _started(target: Callable[..., None], *arguments: Any) -> BaseProcess:
    with _starting:
        process = _server().Process(target=target, args=arguments)
        process.start()
        # Another thread that starts one would look after this one, and take its exit code from who waits for it.
        multiprocessing.process._children.discard(process)  # type: ignore[attr-defined]
        _copies.add(process)
    return process


_starting = threading.Lock()
_copies: set[BaseProcess] = set()


# In a copy -----------------------------------------------------------------------------------------------------------


def _engine(root: str, environment: dict[str, str], faults: Faults) -> None:
    os.setsid()
    log = os.open(Path(root) / "engine.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    _become(environment, root, (os.devnull, log, log), ["-m", root])
    _go_wrong(faults)
    _exit(_run_engine, root)


def _command(
    words: list[str],
    environment: dict[str, str],
    folder: str,
    printed: str,
    seconds: int,
    faults: Faults,
    engines: str,
) -> None:
    signal.alarm(seconds)
    out, err = (
        os.open(Path(printed) / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        for name in ("stdout", "stderr")
    )
    _become(environment, folder, (os.devnull, out, err), ["nastui", *words])
    subprocess.Popen = functools.partial(_popen, engines, subprocess.Popen)  # type: ignore[assignment,misc]
    _go_wrong(faults)
    from nastui.cli import main

    _exit(main)


def _dashboard(environment: dict[str, str], folder: str, keys: list[str], printed: str, seconds: int) -> None:
    signal.alarm(seconds)
    out, err = (
        os.open(Path(printed) / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        for name in ("stdout", "stderr")
    )
    _become(environment, folder, (os.devnull, out, err), ["nastui"])
    _exit(_press, keys)


def _call(function: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    _exit(function, *arguments)


def _press(keys: list[str]) -> int:
    import asyncio

    from textual.worker import WorkerCancelled

    from nastui.app import NastuiApp
    from runs.home import Home
    from screens.runs.screen import RunsScreen

    async def visit() -> int:
        app = NastuiApp(Home.locate())
        async with app.run_test(size=(80, 24)) as pilot:
            while not (isinstance(app.screen, RunsScreen) and app.screen.runs.has_read):
                await pilot.pause(0.01)
            for key in keys:
                await pilot.press(key)
                await pilot.pause()
            # Other workers may wait for the answer to a question.
            for reading in [worker for worker in app.workers if worker._thread_worker]:
                with contextlib.suppress(WorkerCancelled):
                    await reading.wait()
            await pilot.pause()
            if not app.is_running:
                return 1
        if app.error_log.exists():
            sys.stderr.write(app.error_log.read_text())
            return 1
        return app.return_code or 0

    return asyncio.run(visit())


def _become(environment: dict[str, str], folder: str, streams: tuple[str, int, int], words: list[str]) -> None:
    """Turn this copy into a program that has just started."""
    stdin = os.open(streams[0], os.O_RDONLY)
    for number, descriptor in enumerate((stdin, *streams[1:])):
        os.dup2(descriptor, number)
    for descriptor in {stdin, *streams[1:]}:
        os.close(descriptor)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = words
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = sys.__stdout__ = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.__stderr__ = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115


def _exit(program: Callable[..., Any], *arguments: Any) -> None:
    """Run a program and end as Python does: with its exit code, or a traceback and 1."""
    code: object = 1
    try:
        code = program(*arguments) or 0
    except SystemExit as end:
        code = end.code or 0
        if not isinstance(code, int):
            sys.stderr.write(f"{code}\n")
            code = 1
    except KeyboardInterrupt:
        sys.stderr.write("KeyboardInterrupt\n")
        code = 130
    except BaseException:
        import traceback

        traceback.print_exc()
    if isinstance(files.disk, FaultyDisk):
        sys.stderr.write(f"operations: {files.disk.operations} of {files.disk.all}\ncpu {time.process_time():.2f}\n")
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(int(code))  # type: ignore[call-overload]


def _run_engine(*arguments: str) -> int:
    import threading

    from engine.__main__ import main

    code = main(list(arguments))
    for thread in threading.enumerate():  # Python waits for them, too
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    return code


class _Forked:
    """An engine that a command has started, in place of ``subprocess.Popen``."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self) -> int:
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode


def _popen(engines: str, real: Any, words: list[str], **options: Any) -> Any:
    program = next((name for name in ("engine", "runs.fleet.dispatcher") if name in words), "")
    if not program:
        return real(words, **options)
    arguments = words[words.index(program) + 1 :]
    if pid := os.fork():
        return _Forked(pid)
    files.disk = files.Disk()
    os.setsid()
    signal.alarm(0)
    log = os.dup(options["stdout"].fileno())
    _become(options["env"], options["cwd"], (os.devnull, log, log), [program, *arguments])
    if program == "engine":
        _exit(_run_engine if engines == "copies" else _stub, *arguments)
    from runs.fleet import dispatcher

    _exit(dispatcher.main, arguments)
    return None


def _stub(root: str, *_: str) -> int:
    """Do nothing but start and finish a run."""
    from runs.home import RunPaths
    from runs.log.event_log import EventLog
    from runs.log.events import Finished, Started
    from runs.store.lock import engine_lock

    paths = RunPaths(Path(root))
    with engine_lock(paths.lock), EventLog(paths.events) as log:
        log.append(Started({}))
        log.append(Finished({}, 0, 0, ""))
    return 0


def _go_wrong(faults: Faults) -> None:
    if faults.kill_at is not None or faults.full_at is not None:
        files.disk = FaultyDisk(faults)
    if faults.kill_in_transition is not None:
        from engine.search.loop import DifferentiableSearch

        DifferentiableSearch.next_stage = _killed_inside(  # type: ignore[method-assign]
            DifferentiableSearch.next_stage, faults.kill_in_transition
        )
    if faults.clock:
        _set_clock(faults)
    if faults.no_locks:
        fcntl.flock = _no_lock


class FaultyDisk(files.Disk):
    """A disk that fails, or kills, at the operation with a given number."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.operations = self.writes = self.all = 0
        self.counted: set[int] = set()

    def create(self, path: Path) -> int:
        self.all += 1
        ours = path.name.startswith(self.faults.of)
        if ours:
            self._before()
        descriptor = super().create(path)
        (self.counted.add if ours else self.counted.discard)(descriptor)
        return descriptor

    def write(self, descriptor: int, content: bytes | memoryview) -> int:
        self.all += 1
        if not self.faults.of or descriptor in self.counted:
            self._before(lambda: super(FaultyDisk, self).write(descriptor, memoryview(content)[: len(content) // 2]))
        self.writes += 1
        first = self.faults.full_at
        if first is not None and first <= self.writes < first + self.faults.full_for:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(descriptor, content)

    def sync(self, descriptor: int) -> None:
        self.all += 1
        if not self.faults.of or descriptor in self.counted:
            self._before()
        super().sync(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        self.all += 1
        if source.name.startswith(self.faults.of):
            self._before()
        super().replace(source, target)

    def link(self, source: Path, target: Path) -> None:
        self.all += 1
        if target.name.startswith(self.faults.of):
            self._before()
        super().link(source, target)

    def _before(self, half: Callable[[], object] = lambda: None) -> None:
        self.operations += 1
        if self.operations == self.faults.kill_at:
            if self.operations % 2:
                half()
            os.kill(os.getpid(), signal.SIGKILL)


def _killed_inside(function: Callable[..., Any], number: int) -> Callable[..., Any]:
    """Return a function that kills its process at a call that it makes, directly or not."""

    @functools.wraps(function)
    def killed(*arguments: Any) -> Any:
        calls = 0

        def count(_: FrameType, kind: str, __: object) -> None:
            nonlocal calls
            calls += kind in ("call", "c_call")
            if calls >= number:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(count)
        try:
            return function(*arguments)
        finally:
            sys.setprofile(None)
            sys.stderr.write(f"transition: {calls} calls\n")

    return killed


def _no_lock(*_: object) -> None:
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


def _set_clock(faults: Faults) -> None:
    """Let the clock jump. Only the clock that tells dates: the monotonic one never does."""
    real, real_ns, readings = time.time, time.time_ns, iter(_shifts(faults))
    time.time = lambda: real() + next(readings)
    time.time_ns = lambda: real_ns() + int(next(readings) * 1e9)


def _shifts(faults: Faults) -> Iterator[float]:
    while True:
        for shift in faults.clock:
            for _ in range(faults.clock_reads):
                yield shift


def text(folder: Path, name: str) -> str:
    """Return what a command has printed; nothing if it was killed before it could."""
    file = folder / name
    return file.read_bytes().decode(errors="replace") if file.exists() else ""


__all__ = ["CHECKPOINT", "NONE", "Faults", "command", "dashboard", "engine", "orphans", "text"]
