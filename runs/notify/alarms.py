"""The alarms of a run in progress, sent from threads, so that no step waits for a network."""

from __future__ import annotations

import contextlib
import sys
import threading
import time

from runs.errors import NastuiError
from runs.home import RunPaths
from runs.log.events import Event, Warned
from runs.notify import outbox
from runs.notify.outbox import OutboxEntry

# The kinds of warnings that someone should look at before the run has ended.
ALARMS = ("collapse", "single_colours")
_PATIENCE_SECONDS = 30.0


class Alarms:
    """Sends the alarms of a run.

    Args:
        paths: of the run.
    """

    def __init__(self, paths: RunPaths) -> None:
        self._paths = paths
        self._threads: list[threading.Thread] = []

    def notice(self, event: Event) -> None:
        """Send an event if it is an alarm, without waiting for it. Failures never stop a run."""
        if not isinstance(event, Warned) or event.kind not in ALARMS:
            return
        entry = outbox.add_alarm(self._paths, event.message)
        if entry is not None:
            thread = threading.Thread(target=_deliver, args=(entry,), name="alarm", daemon=True)
            self._threads.append(thread)
            thread.start()

    def wait(self, seconds: float) -> None:
        """Wait until the alarms have been sent, for at most so long. What is left is sent by other processes."""
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))


def _deliver(entry: OutboxEntry) -> None:
    from runs.notify.telling import deliver

    with contextlib.suppress(NastuiError, OSError):
        for fault in deliver(entry, patience=_PATIENCE_SECONDS):
            sys.stderr.write(f"{fault}\n")
