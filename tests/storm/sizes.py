"""How long a storm is, from the environment; read when the storms are collected, as tests see no such variables.

``NASTUI_STORM=short`` chooses the form that the CI runs. ``NASTUI_STORM_KILLS`` and the like choose one size,
``NASTUI_STORM_SEED`` another storm, and ``NASTUI_STORM_WORKERS`` how many processes work at once.
"""

from __future__ import annotations

import os
import time

_SHORT = os.environ.get("NASTUI_STORM") == "short"
SEED = int(os.environ.get("NASTUI_STORM_SEED", "0"))
WORKERS = int(os.environ.get("NASTUI_STORM_WORKERS", str(os.cpu_count() or 1)))


def size(name: str, long: int, short: int) -> int:
    """Return how often a storm strikes."""
    return int(os.environ.get(f"NASTUI_STORM_{name}", str(short if _SHORT else long)))


class Account:
    """Counts what a storm does, and prints it."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.counts: dict[str, int] = {}
        self._began = time.monotonic()

    def add(self, what: str, number: int = 1) -> None:
        """Count something."""
        self.counts[what] = self.counts.get(what, 0) + number

    def __str__(self) -> str:
        counts = ", ".join(f"{number:,} {what}" for what, number in sorted(self.counts.items()))
        return f"storm of {self.title}, seed {SEED}: {counts}; {(time.monotonic() - self._began) / 60:.1f} minutes"
