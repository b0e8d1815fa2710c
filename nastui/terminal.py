"""Checks of the terminal, its odd input, and quitting when it is closed, which Textual does not handle."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import sys
import termios
import threading
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any

from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver

from runs.errors import UsageError

# By which a terminal, a supervisor or a batch system announces the end.
_ENDS = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)

GRACE_SECONDS = 1.5
_CHECK_SECONDS = 1.0
# Mouse, focus and paste reports off, Kitty keys off, main screen, line wrap and cursor on.
_RESTORE = b"\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1004l\x1b[?2004l\x1b[<u\x1b[?1049l\x1b[?7h\x1b[?25h"


def check(environ: Mapping[str, str]) -> None:
    """Refuse to start if a dashboard cannot be shown.

    Raises:
        UsageError: an end of the terminal is a file or a pipe, or ``TERM`` names no terminal that can draw.
    """
    hint = "Without one, use `nastui runs follow --plain`."
    for name, stream in (("input", sys.__stdin__), ("output", sys.__stdout__), ("error output", sys.__stderr__)):
        if stream is None or not stream.isatty():
            raise UsageError(f"The dashboard needs a terminal, but the {name} is not one.", hint)
    term = environ.get("TERM", "")
    if term in ("", "dumb"):
        raise UsageError(f"The dashboard needs a terminal that can draw, but TERM is '{term}'.", hint)


def plain_colours(environ: Mapping[str, str]) -> bool:
    """Return whether no more than the terminal's own 16 colours should be used."""
    if environ.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return False
    term = environ.get("TERM", "").lower()
    return not any(mark in term for mark in ("256", "direct", "truecolor", "kitty", "alacritty", "ghostty"))


def tolerant(driver: type[Driver]) -> type[Driver]:
    """Return a driver that drops input that is not UTF-8, which would end Textual's driver for terminals."""
    if driver is not LinuxDriver:
        return driver

    class TolerantDriver(LinuxDriver):
        def run_input_thread(self) -> None:
            while not self.exit_event.is_set():
                try:
                    super().run_input_thread()
                except UnicodeDecodeError:
                    continue
                except OSError as error:
                    if error.errno != errno.EIO:  # the terminal is gone: leaving_with_the_terminal() sees it too
                        raise
                    return

    return TolerantDriver


@contextlib.contextmanager
def leaving_with_the_terminal(leave: Callable[[int], None]) -> Iterator[None]:
    """Quit on a signal that announces the end, such as a hang-up, or when the terminal is gone.

    The app is first asked to quit. If it cannot, because its terminal accepts no more output, the process is ended
    after :data:`GRACE_SECONDS`; engines have their own sessions and keep running.

    Args:
        leave: asks the app to quit with an exit code; called at most once.
    """
    terminal = sys.__stdin__.fileno() if sys.__stdin__ else 0
    before = termios.tcgetattr(terminal)
    # Taken once and never given back. A hang-up comes as several signals, so the handler interrupts itself: it must not
    # wait for a lock that it already holds, as an Event's.
    left = threading.Lock()

    def go(code: int) -> None:
        if not left.acquire(blocking=False):
            return
        threading.Thread(target=_end_by_force, args=(code, terminal, before), daemon=True).start()
        leave(code)

    def on_signal(number: int, frame: FrameType | None) -> None:
        go(128 + number)

    ended = threading.Event()
    threading.Thread(target=_watch, args=(terminal, ended, go), name="terminal", daemon=True).start()
    old = {number: signal.signal(number, on_signal) for number in _ENDS}
    try:
        yield
    finally:
        ended.set()
        if not left.locked():
            for number, handler in old.items():
                signal.signal(number, handler)


def _watch(terminal: int, ended: threading.Event, go: Callable[[int], None]) -> None:
    """Quit when the terminal no longer answers, as after a hang-up that was blocked or sent to another process."""
    while not ended.wait(_CHECK_SECONDS):
        try:
            termios.tcgetattr(terminal)
        except termios.error:
            go(128 + signal.SIGHUP)
            return


def _end_by_force(code: int, terminal: int, before: list[Any]) -> None:
    threading.Event().wait(GRACE_SECONDS)
    with contextlib.suppress(termios.error):
        termios.tcsetattr(terminal, termios.TCSANOW, before)
    with contextlib.suppress(OSError):
        if select.select([], [2], [], 0)[1]:
            os.write(2, _RESTORE)
    os._exit(code)
