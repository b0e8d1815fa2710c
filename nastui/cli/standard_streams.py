"""Standard streams that may be closed, full, broken, non-blocking, or of an encoding that lacks characters."""

from __future__ import annotations

import io
import os
import select
import sys

from runs.errors import NastuiError


class _Patient(io.FileIO):
    """A stream that waits if the other end of a non-blocking pipe is slow."""

    def write(self, content: object) -> int:
        """Write some bytes and return how many."""
        while (written := super().write(content)) is None:  # type: ignore[arg-type]
            select.select([], [self], [])
        return written


class _Stdout(_Patient):
    """Standard output. A failure to write is an error for users; a broken pipe stays what it is."""

    def write(self, content: object) -> int:
        """Write some bytes and return how many."""
        try:
            return super().write(content)
        except BrokenPipeError:
            raise
        except OSError as error:
            abandon_stdout()
            raise NastuiError(f"The output cannot be written: {error.strerror}.") from error


class _Stderr(_Patient):
    """Standard error. Messages that cannot be written are lost, as there is no other place for them."""

    def write(self, content: object) -> int:
        """Write some bytes and return how many."""
        try:
            return super().write(content)
        except OSError:
            return memoryview(content).nbytes  # type: ignore[arg-type]


def prepare() -> None:
    """Make the standard streams usable. Streams that a caller has replaced, as tests do, are left alone."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # closed: otherwise the next file that is opened would take its number
            os.open(os.devnull, os.O_RDWR)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stdout is sys.__stdout__:
        sys.stdout = _text(_Stdout(1, "w", closefd=False), sys.__stdout__)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _text(_Stderr(2, "w", closefd=False), sys.__stderr__)
        sys.stderr.reconfigure(line_buffering=True)


def abandon_stdout() -> None:
    """Send the rest of the output nowhere. Python would raise again when it closes a stream that has failed."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def _text(raw: io.FileIO, original: io.TextIOBase | None) -> io.TextIOWrapper:
    encoding = getattr(original, "encoding", None) or "utf-8"
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=encoding, errors="replace", line_buffering=raw.isatty(), newline="\n"
    )
