"""The outbox of a home: one small file for each message that is still to be sent, or may have to be.

An engine that starts leaves an entry for its end. It is removed when the end has been told, so that viewers look only
at the runs that matter, and a run from before notifications were set up tells nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

from runs.errors import NastuiError
from runs.files import read_regular, replace_text
from runs.home import Home, RunPaths
from runs.log.event_log import starts

_MOST_BYTES = 2**16
_NAME = re.compile(r"(?P<run>[\w-]+)\.(?P<key>(?P<kind>end|alarm)-\w+)")


@dataclass(frozen=True)
class OutboxEntry:
    """A message to send.

    Attributes:
        file: of the entry.
        run: the id of the run.
        key: what makes the message unique within the run: ``end-2`` is the end of what its third engine does.
        text: of an alarm.
    """

    file: Path
    run: str
    key: str
    text: str = ""

    @property
    def is_alarm(self) -> bool:
        """Whether the message says something about a run that goes on."""
        return self.key.startswith("alarm")

    def remove(self) -> None:
        """Remove the entry: there is nothing more to send."""
        self.file.unlink(missing_ok=True)


def expect_end(paths: RunPaths) -> OutboxEntry | None:
    """Leave an entry for the end of the engine that starts now, instead of those of the run's earlier engines.

    Returns None if nothing is sent by the settings, or if the outbox cannot be written: that never stops a run.
    """
    from runs.notify import settings

    home = Home(paths.root.parent.parent)
    with contextlib.suppress(NastuiError, OSError):
        if settings.read(home).tells:
            entry = _entry(home, paths, f"end-{starts(paths.events)}")
            for other in entries(home):
                if other.run == entry.run and not other.is_alarm and other.key != entry.key:
                    other.remove()
            return _written(entry)
    return None


def add_alarm(paths: RunPaths, text: str) -> OutboxEntry | None:
    """Leave an entry for an alarm. An engine that resumes may raise it again; it is the same entry.

    Returns None in the same cases as :func:`expect_end`.
    """
    from runs.notify import settings

    home = Home(paths.root.parent.parent)
    with contextlib.suppress(NastuiError, OSError):
        found = settings.read(home)
        if found.tells and "alarm" in found.events:
            return _written(_entry(home, paths, f"alarm-{zlib.crc32(text.encode()):08x}", text))
    return None


def entries(home: Home) -> list[OutboxEntry]:
    """Return every entry; none if the home has no outbox."""
    try:
        names = os.listdir(home.outbox)  # noqa: PTH208 - once a second, in every dashboard
    except OSError:
        return []
    found = []
    for name in sorted(names):
        if match := _NAME.fullmatch(name):
            file = home.outbox / name
            found.append(OutboxEntry(file, match["run"], match["key"], _text(file) if match["kind"] == "alarm" else ""))
    return found


def _entry(home: Home, paths: RunPaths, key: str, text: str = "") -> OutboxEntry:
    return OutboxEntry(home.outbox / f"{paths.root.name}.{key}", paths.root.name, key, text)


def _written(entry: OutboxEntry) -> OutboxEntry:
    entry.file.parent.mkdir(exist_ok=True)
    replace_text(entry.file, json.dumps({"text": entry.text}) + "\n")
    return entry


def _text(file: Path) -> str:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        return str(json.loads(read_regular(file, _MOST_BYTES))["text"])
    return ""
