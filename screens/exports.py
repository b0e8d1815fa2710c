"""Writing files into the current folder, named after their content; no file is overwritten."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from runs.errors import EnvironmentLacksError
from runs.files import replace_text


def free_path(stem: str, suffix: str) -> Path:
    """Return a path in the current folder that does not exist; a number is added if the plain name does."""
    plain = re.sub(r"[^\w.-]+", "-", stem)[:80]
    folder = Path.cwd()
    names = itertools.chain([plain], (f"{plain}-{number}" for number in itertools.count(2)))
    return next(path for name in names if not (path := folder / f"{name}{suffix}").exists())


def save(text: str, stem: str, suffix: str) -> Path:
    """Write a file and return its path.

    Raises:
        EnvironmentLacksError: the current folder is not writable.
    """
    path = Path(stem + suffix)
    try:
        path = free_path(stem, suffix)
        replace_text(path, text if text.endswith("\n") else text + "\n")
    except OSError as error:
        raise EnvironmentLacksError(
            f"'{path}' cannot be written: {error.strerror}.", "Start nastui in a folder that you can write to."
        ) from error
    return path


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Return rows as CSV; None is an empty field."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()
