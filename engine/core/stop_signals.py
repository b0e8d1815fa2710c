"""Signals by which a terminal, a supervisor or a batch system announces an end: they become requests to stop.

Every thread blocks them, and one thread waits for them. So they interrupt nothing, they are noticed at once even if the
main thread is inside a library, and helper processes, which inherit the blocked signals, survive a signal that is sent
to a whole process group: the engine still needs them to complete the unit of work, and ends them itself.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable

# Slurm, SGE, LSF, PBS and HTCondor announce an end by TERM, INT, USR1, USR2, XCPU or whatever the user asks for; a
# terminal that closes, by HUP; Ctrl+C and Ctrl+\, by INT and QUIT; a failing power supply, by PWR; `timeout -s`, by
# any of them.
_NAMES = ("TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "XCPU", "ALRM", "VTALRM", "PWR")
STOP_SIGNALS = tuple(getattr(signal, f"SIG{name}") for name in _NAMES if hasattr(signal, f"SIG{name}"))

_POLL_SECONDS, _LOG_SECONDS = 0.05, 5.0


def block() -> None:
    """Block the signals in this thread, and in all threads and processes that it starts from now on."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)


def forward(send: Callable[[int], object]) -> None:
    """Call ``send`` with the number of each signal that arrives; the signals must be blocked."""

    def wait() -> None:
        while True:
            send(signal.sigwait(STOP_SIGNALS))

    threading.Thread(target=wait, name="stop signals", daemon=True).start()


def kill_helpers() -> None:
    """End the processes that work for this one. They have blocked all milder signals, or are themselves blocked."""
    for process in multiprocessing.active_children():
        process.kill()


class StopRequest:
    """Whether this process was told to end, and which of its threads ends it.

    The main thread stops between two units of work, with a checkpoint. If it does not come that far within the
    patience, because a helper process or a library does not answer, another thread gives up: the run then resumes from
    the last checkpoint.

    Attributes:
        log_lock: held by the thread that writes to the run's log; for good by the one that ends the run.
    """

    def __init__(self) -> None:
        self.log_lock = threading.RLock()
        self._requested = threading.Event()
        self._patience: Callable[[], float] = lambda: 0.0
        self._give_up: Callable[[], object] = lambda: None

    @property
    def requested(self) -> bool:
        """Whether a signal has arrived."""
        return self._requested.is_set()

    def listen(self, give_up: Callable[[], object]) -> None:
        """Wait for signals from now on. At first there is no patience, because there is nothing to save yet.

        Args:
            give_up: called in another thread at most once; then the process exits with code 0.
        """
        self._give_up = give_up
        forward(self._received)

    def wait_for_units(self, patience: Callable[[], float], give_up: Callable[[], object]) -> None:
        """From now on a stop waits for the unit of work in progress.

        Args:
            patience: returns for how many seconds.
            give_up: as for :meth:`listen`.
        """
        self._patience, self._give_up = patience, give_up

    def claim_end(self) -> None:
        """Reserve the end of the run for this thread; it does not return if another thread is ending the process."""
        self.log_lock.acquire()

    def _received(self, number: int) -> None:
        if not self.requested:
            self._requested.set()
            threading.Thread(target=self._watch, name="stop", daemon=True).start()

    def _watch(self) -> None:
        began = time.monotonic()
        while time.monotonic() - began < self._patience():
            time.sleep(_POLL_SECONDS)
        if self.log_lock.acquire(timeout=_LOG_SECONDS):  # otherwise the main thread is ending the run
            try:
                self._give_up()
            finally:
                kill_helpers()
                os._exit(0)
