"""Telling the desktop of a dashboard's user what runs come to."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable

from runs.errors import NastuiError
from runs.home import Home
from runs.notify.desktop import DesktopWatch, sequences


def teller(home: Home, events: tuple[str, ...], write: Callable[[str], object]) -> Callable[[], None]:
    """Return a function that tells what has happened since its last call.

    Args:
        home: the home.
        events: to tell of; empty for none.
        write: sends a text to the terminal as it is.
    """
    watch = DesktopWatch(home, events)

    def tell() -> None:
        with contextlib.suppress(NastuiError, OSError):
            for text in watch.look() if events else ():
                write(sequences(text, os.environ))

    return tell
