"""Writes the Python stacks of this process to a file when it is asked, even while it is blocked or spins in a library.

``nastui runs inspect`` asks by :data:`runs.processes.STACKS_SIGNAL`.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
from pathlib import Path

from runs.files import descriptor_of
from runs.processes import STACKS_SIGNAL


def write_stacks_on_signal(path: Path) -> None:
    """Write all threads' stacks to the end of a file at each signal. What an earlier process wrote is removed."""
    with contextlib.suppress(OSError):  # a full disk or a folder that is gone is reported by the run itself
        descriptor = descriptor_of(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.ftruncate(descriptor, 0)
        faulthandler.register(STACKS_SIGNAL, file=descriptor, all_threads=True)
