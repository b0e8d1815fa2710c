"""How long a storm is, from the environment; read when the storms are collected, as tests see no such variables.

``NASTUI_STORM=short`` chooses the form that the CI runs. ``NASTUI_STORM_KILLS`` and the like choose one size,
``NASTUI_STORM_SEED`` another storm, and ``NASTUI_STORM_WORKERS`` how many processes work at once.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator

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
        self.faults: list[str] = []
        self._began = time.monotonic()

    def add(self, what: str, number: int = 1) -> None:
        """Count something."""
        self.counts[what] = self.counts.get(what, 0) + number

    def fault(self, what: str) -> None:
        """Print a fault at once, as a storm lasts long, and remember it."""
        print(f"\nFAULT: {what}", flush=True)
        self.faults.append(what)

    @contextlib.contextmanager
    def noting(self, what: object) -> Iterator[None]:
        """Turn a failed assertion into a fault, so that the storm goes on."""
        try:
            yield
        except AssertionError as error:
            self.fault(f"{what}: {error}")

    def end(self) -> None:
        """Print what was done; fail if there was a fault."""
        print(f"\n{self}", flush=True)
        assert not self.faults, f"{len(self.faults)} faults:\n" + "\n".join(self.faults)

    def __str__(self) -> str:
        counts = ", ".join(f"{number:,} {what}" for what, number in sorted(self.counts.items()))
        counts += f"; {len(self.faults)} faults"
        return f"storm of {self.title}, seed {SEED}: {counts}; {(time.monotonic() - self._began) / 60:.1f} minutes"


def noting(account: Account, work: Callable[[int], None]) -> Callable[[int], None]:
    """Return a function whose failed assertions are faults of the storm."""

    def noted(number: int) -> None:
        with account.noting(number):
            work(number)

    return noted
