"""The lines of a public log without their time stamps, and the matrices printed between them."""

from __future__ import annotations

import contextlib
import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runs.errors import NotFoundError, UsageError
from runs.files import MEBIBYTE, open_regular
from runs.imports.findings import Matrix
from runs.imports.printed_matrices import MatrixReader

# The log of the longest public run has 10 MB. Its longest line is that of the arguments, some 2 kB.
MOST_BYTES = 128 * MEBIBYTE
MOST_LINE_BYTES = MEBIBYTE
_STAMPS = (
    (re.compile(r"(\d\d/\d\d \d\d:\d\d:\d\d [AP]M) "), "%m/%d %I:%M:%S %p"),  # DARTS and its descendants
    (re.compile(r"(\d\d\.\d\d\.\d\d \d\d:\d\d:\d\d)   "), "%d.%m.%y %H:%M:%S"),  # PR-DARTS
)
# PR-DARTS's debug mode has the place in its source instead of the time.
_PLACE = re.compile(r"\[\w+\.py:\d+ - +\w+\(\)\] ")
_YEAR_SECONDS = 366 * 86400.0


@dataclass(frozen=True)
class Item:
    """A line of a log, or a matrix.

    Attributes:
        text: of a line, without its time stamp.
        stamp: the time stamp as printed; empty if the line has none.
        matrices: of a printed tensor; None for a line.
    """

    text: str
    stamp: str = ""
    matrices: list[Matrix] | None = None


def read(path: Path) -> Iterator[Item]:
    """Yield the items of a log in order. A matrix that is torn or is not numbers is left out.

    Raises:
        NotFoundError: the file does not exist or cannot be read.
        UsageError: it is larger than a log can be, or is not text.
    """
    matrix: MatrixReader | None = None
    for line in _lines(path):
        text, stamp = without_stamp(line)
        if matrix is not None and not stamp and not matrix.is_too_long:
            matrix.add(text)
        else:
            matrix = None
            if MatrixReader.starts(text):
                matrix = MatrixReader(text)
            else:
                yield Item(text, stamp)
        if matrix is not None and matrix.done:
            yield Item("", "", matrix.rows())
            matrix = None


def without_stamp(line: str) -> tuple[str, str]:
    """Return a line without its time stamp, and the stamp."""
    for pattern, _ in _STAMPS:
        if found := pattern.match(line):
            return line[found.end() :], found[1]
    if found := _PLACE.match(line):
        return line[found.end() :], found[0]
    return line, ""


def seconds_between(earlier: str, later: str) -> float:
    """Return the seconds between two time stamps, which may lack the year; 0 if one is not a time."""
    first, last = _moment(earlier), _moment(later)
    if first is None or last is None:
        return 0.0
    passed = (last - first).total_seconds()
    return passed if passed >= 0 else max(0.0, passed + _YEAR_SECONDS)  # over New Year's Eve


def _moment(stamp: str) -> datetime.datetime | None:
    for _, form in _STAMPS:
        # A leap year for stamps without one, so that 29 February is a day.
        given, expected = (stamp, form) if "%y" in form else (f"2000 {stamp}", f"%Y {form}")
        with contextlib.suppress(ValueError):
            return datetime.datetime.strptime(given, expected)
    return None


def _lines(path: Path) -> Iterator[str]:
    try:
        stream = open_regular(path, most=MOST_BYTES)
    except OSError as error:
        raise NotFoundError(f"'{path}' cannot be read: {error.strerror or error}.") from error
    with stream:
        number = 0
        while raw := stream.readline(MOST_LINE_BYTES + 1):
            number += 1
            if len(raw) > MOST_LINE_BYTES:
                raise UsageError(f"Line {number:,} of '{path}' is longer than any line of a log.")
            if b"\0" in raw:
                raise UsageError(
                    f"'{path}' is not a text file.", "PyTorch and NumPy did not write it either: it may be damaged."
                )
            yield raw.decode(errors="replace").rstrip("\r\n")
