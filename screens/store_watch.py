"""Noticing changes of the runs and of the queue, for the screens that show several runs."""

from __future__ import annotations

import time

from runs.store.queue import Document
from runs.store.record import Record
from runs.store.run_store import RunStore


class StoreWatch:
    """Looks at a store. Every call reads files: make it in a thread, one at a time.

    Args:
        store: the store, which other screens may use, too.
    """

    def __init__(self, store: RunStore) -> None:
        self.store = store
        self._queue: Document | None = None
        self._last_look = 0.0

    def read_all(self) -> None:
        """Let the next look return everything, because another screen may have noticed changes meanwhile."""
        self._last_look = 0.0

    def look(self) -> tuple[list[Record], Document] | None:
        """Return every run and the queue as they are now; None if both are as at the last look.

        Raises:
            NastuiError: the store cannot be read.
        """
        now, last = time.monotonic(), self._last_look
        self._last_look = now
        changed = self.store.look(now - last if last else 0.0)
        queue = self.store.queue.read()
        if last and not changed and queue is self._queue:
            return None
        self._queue = queue
        return self.store.known(), queue
