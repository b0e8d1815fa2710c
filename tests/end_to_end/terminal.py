"""A pseudo-terminal for the dashboard: keys in, screen contents out."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pexpect
import psutil
import pyte

from tests.end_to_end.conftest import SCRIPT, Cli


class Terminal:
    """The dashboard in a pseudo-terminal of 80 x 24.

    Args:
        words: its command-line arguments.

    Attributes:
        received: every byte that the dashboard has sent.
    """

    def __init__(self, cli: Cli, *words: str, term: str = "screen-256color", folder: Path | None = None) -> None:
        environment = cli.environment | {"TERM": term, "LC_ALL": "C.UTF-8", "TEXTUAL_ANIMATIONS": "none"}
        environment.pop("COLORTERM", None)
        self._screen = pyte.Screen(80, 24)
        self._stream = pyte.ByteStream(self._screen)
        self.received = bytearray()
        self.process = pexpect.spawn(
            str(SCRIPT),
            list(words),
            env=environment,
            cwd=str(folder or cli.folder),
            dimensions=(24, 80),
            timeout=5,
            preexec_fn=_take_one_core,
        )
        self.process.delaybeforesend = None

    def read(self) -> str:
        """Process the bytes received so far, and return what the terminal shows."""
        try:
            while True:
                part = self.process.read_nonblocking(65536, timeout=0.05)
                self.received += part
                self._stream.feed(part)
        except (pexpect.TIMEOUT, pexpect.EOF):
            pass
        return "\n".join(self._screen.display)

    def press(self, *keys: str) -> None:
        """Type keys. Tests should wait for what each key shows; measurements only pause between keys."""
        for place, key in enumerate(keys):
            if place:
                time.sleep(0.15)
            self.process.send(key)

    def until(self, holds: Callable[[str], bool], seconds: float = 60) -> str:
        """Return what the terminal shows once a condition on it holds."""
        deadline = time.monotonic() + seconds
        while not holds(shown := self.read()):
            assert time.monotonic() < deadline, shown
        return shown

    def shows(self, *words: str, seconds: float = 60) -> str:
        """Return what the terminal shows once all these words are on it."""
        return self.until(lambda shown: all(word in shown for word in words), seconds)

    def hang_up(self) -> None:
        """Lose the connection: the terminal closes, and the session gets SIGHUP."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGHUP)
        # pexpect closes the terminal and gives the app only a moment to exit; is_gone() waits longer.
        with contextlib.suppress(pexpect.ExceptionPexpect):
            self.process.close(force=False)

    def is_gone(self, seconds: float = 30) -> bool:
        """Return whether the app's process has exited within this time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if psutil.Process(self.process.pid).status() == psutil.STATUS_ZOMBIE:
                    return True
            except psutil.NoSuchProcess:
                return True
            time.sleep(0.1)
        return False


UP, DOWN, RIGHT, LEFT, ENTER, ESCAPE = "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D", "\r", "\x1b"
CTRL_S = "\x13"


def _take_one_core() -> None:
    """Restrict engines started from the terminal to one core, so that they compute with one thread."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {random.choice(sorted(os.sched_getaffinity(0)))})
