"""The event log on disk: an append-only writer, and a reader that follows it by byte offset."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from runs import files
from runs.errors import EnvironmentLacksError
from runs.files import MEBIBYTE, end_of, open_regular
from runs.log.events import Entry, Event, Progress, Started, decode, encode

# All other events must survive a power cut, because a checkpoint or a user relies on them.
_UNSYNCED = (Progress,)
# A line of a long search has some 10 kB; its log, some 100 MB.
MOST_LINE_BYTES = 64 * MEBIBYTE
MOST_BYTES = 16 * 1024 * MEBIBYTE
# The version, time, number and type of an event are at the start of its line.
_HEAD_BYTES = 200
_TAIL_BYTES = 200_000


class EventLog:
    """The single writer of a run's events. Each event is one ``write`` of a whole line.

    Args:
        path: the file; created if it does not exist.
        number: the number of the last event already in the log.

    Raises:
        EnvironmentLacksError: the log cannot be written.
    """

    def __init__(self, path: Path, number: int = 0) -> None:
        self.number = number
        self._path = path
        with self._refusals():
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            self._may_be_torn = True

    def append(self, event: Event) -> None:
        """Write an event. On return it is on disk, unless it is only progress.

        Raises:
            EnvironmentLacksError: it cannot be written; the disk is full, for example.
        """
        self.number += 1
        text = encode(Entry(time.time(), self.number, event))
        line = text.encode(errors="backslashreplace") + b"\n"  # a file name may hold bytes that are not text
        with self._refusals():
            if self._may_be_torn:
                self._end_torn_line()
            self._may_be_torn = True
            while line:
                line = line[files.disk.write(self._descriptor, line) :]
            self._may_be_torn = False
            if not isinstance(event, _UNSYNCED):
                files.disk.sync(self._descriptor)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise EnvironmentLacksError(
                f"The event log '{self._path}' cannot be written: {error.strerror}.",
                "Free some space, then resume: the run continues from its last checkpoint.",
            ) from error

    def _end_torn_line(self) -> None:
        """End a line that a killed writer or a full disk left incomplete, so that the next one is valid."""
        size = os.fstat(self._descriptor).st_size
        if size and os.pread(self._descriptor, 1, size - 1) != b"\n":
            files.disk.write(self._descriptor, b"\n")


class EventLogReader:
    """Follows a log from a byte offset. An incomplete last line is read once it is complete.

    Attributes:
        offset: bytes read; another reader can continue from there.
        malformed: the number of complete lines so far that were not events.
        restarted: whether the last read began again at 0, because the file had become shorter. Earlier entries are
            then void.
    """

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.path = path
        self.offset = offset
        self.malformed = 0
        self.restarted = False

    def read(self) -> Iterator[Entry]:
        """Yield the entries written since the last call; none if the log does not exist.

        Raises:
            OSError: the log cannot be read, is not a regular file, or is larger than any log.
        """
        try:
            stream = open_regular(self.path, most=MOST_BYTES)
        except FileNotFoundError:
            return
        with stream:
            self.restarted = os.fstat(stream.fileno()).st_size < self.offset
            if self.restarted:
                self.offset = self.malformed = 0
            stream.seek(self.offset)
            while line := stream.readline(MOST_LINE_BYTES):
                if not line.endswith(b"\n") and len(line) < MOST_LINE_BYTES:
                    break
                self.offset += len(line)
                entry = decode(line)
                if entry is not None:
                    yield entry
                elif line.strip():
                    self.malformed += 1


def append_to_log(path: Path, event: Event) -> None:
    """Append an event to a log that no one else is writing to; its number is the next one."""
    last = max((entry.number for entry in EventLogReader(path).read()), default=0)
    with EventLog(path, last) as log:
        log.append(event)


def first_event(path: Path) -> Event | None:
    """Return the first event of a log, without reading the rest; None if there is none or it is damaged."""
    try:
        with open_regular(path) as log:
            entry = decode(log.readline(MOST_LINE_BYTES))
    except OSError:
        return None
    return entry.event if entry else None


def last_progress(path: Path) -> Progress | None:
    """Return the last progress event near the end of a log, without reading the rest; None if there is none."""
    try:
        lines = end_of(path, _TAIL_BYTES).splitlines()
    except OSError:
        return None
    entries = (decode(line) for line in reversed(lines) if b'"progress"' in line)
    return next((entry.event for entry in entries if entry and isinstance(entry.event, Progress)), None)


def starts(path: Path) -> int:
    """Return how often an engine has started to work on a run, by its log; 0 if there is none.

    Raises:
        OSError: the log cannot be read.
    """
    mark = f'"type": "{Started.type}"'.encode()
    try:
        with open_regular(path, most=MOST_BYTES) as log:
            found = 0
            while line := log.readline(MOST_LINE_BYTES):
                if mark in line[:_HEAD_BYTES]:  # decoding every epoch of a long log would take seconds
                    entry = decode(line)
                    found += entry is not None and isinstance(entry.event, Started)
            return found
    except FileNotFoundError:
        return 0
