"""Errors of background work as text: what went wrong, and what to do next."""

from __future__ import annotations

import datetime
import errno
import traceback
from pathlib import Path

from runs.errors import NastuiError
from runs.files import append_regular

_NEXT = {
    errno.ENOSPC: "The disk is full: free some space, then try again.",
    errno.EDQUOT: "Your disk quota is exhausted: free some space, then try again.",
    errno.EACCES: "Check its permissions.",
    errno.EPERM: "Check its permissions.",
    errno.EROFS: "The file system is read-only; --home chooses another folder.",
    errno.ENOENT: "It was moved or removed: q goes back.",
    errno.EMFILE: "Too many files are open: close other programs, or raise `ulimit -n`.",
    errno.ESTALE: "The shared file system lost it: try again.",
}


def error_text(error: BaseException, work: str, log: Path | None) -> str:
    """Return a description of an error.

    Args:
        error: the error that ended the work.
        work: the name of the work, used for unexpected errors.
        log: the file to which the traceback of an unexpected error is appended.
    """
    if isinstance(error, NastuiError):
        return str(error)
    if isinstance(error, OSError):
        where = f"'{error.filename}': " if error.filename else ""
        return f"{where}{error.strerror or error}. {_NEXT.get(error.errno or 0, 'Try again.')}"
    title = work.strip("_").replace("_", " ")
    written = write_traceback(error, log)
    hint = f"The details are in {written}." if written else "Restart nastui; `nastui doctor` looks for the cause."
    return f"'{title}' failed with {type(error).__name__}: {error}. Everything else keeps working. {hint}"


def write_traceback(error: BaseException, log: Path | None) -> Path | None:
    """Append a traceback to a log, and return the log; None if it cannot be written."""
    if log is None:
        return None
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with append_regular(log) as file:
            now = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M:%S} UTC\n"
            file.write("".join([now, *traceback.format_exception(error)]).encode(errors="replace"))
    except OSError:
        return None
    return log
