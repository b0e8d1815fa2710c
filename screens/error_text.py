"""Errors of background work as sentences: what went wrong, and what to do next."""

from __future__ import annotations

import datetime
import errno
import traceback
from pathlib import Path

from runs.errors import NastuiError

_NEXT = {
    errno.ENOSPC: "The disk is full: make room, then try again.",
    errno.EDQUOT: "Your quota of the disk is used up: make room, then try again.",
    errno.EACCES: "RunSelection at who may read and write it.",
    errno.EPERM: "RunSelection at who may read and write it.",
    errno.EROFS: "It lies on a file system that may only be read; --home names another folder.",
    errno.ENOENT: "It was moved or removed meanwhile: q goes back.",
    errno.EMFILE: "Too many files are open: close other programs, or raise `ulimit -n`.",
    errno.ESTALE: "The shared file system lost it: try again.",
}


def error_text(error: BaseException, work: str, log: Path | None) -> str:
    """Return an error in a person's words.

    Args:
        error: what ended the work.
        work: the work's name, for an error that nobody foresaw.
        log: a file that then gets the traceback.
    """
    if isinstance(error, NastuiError):
        return str(error)
    if isinstance(error, OSError):
        where = f"'{error.filename}': " if error.filename else ""
        return f"{where}{error.strerror or error}. {_NEXT.get(error.errno or 0, 'Try again.')}"
    what = work.strip("_").replace("_", " ")
    kept = _kept(error, log)
    hint = f"The details are in {kept}." if kept else "Start again; `nastui doctor` looks for what is wrong."
    return f"'{what}' failed with {type(error).__name__}: {error}. The rest goes on. {hint}"


def _kept(error: BaseException, log: Path | None) -> Path | None:
    if log is None:
        return None
    try:
        with log.open("a", encoding="utf-8", errors="replace") as file:
            file.write(f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M:%S} UTC\n")
            file.writelines(traceback.format_exception(error))
    except OSError:
        return None
    return log
