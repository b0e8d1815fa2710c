"""Published files, verified by their checksums."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from runs.catalogue import Dataset
from runs.errors import EnvironmentLacksError

Checksums = Iterable[tuple[str, str]]


def network_fault(error: BaseException) -> str:
    """Return in words why a download has failed."""
    reason = getattr(error, "reason", error)  # of a URLError
    return str(getattr(reason, "strerror", None) or reason).rstrip(".")


def fault(dataset: Dataset, root: Path, folder: Path, files: Checksums) -> EnvironmentLacksError | None:
    """Return the error for the first file of a data set that is missing or differs; None if all are correct.

    Args:
        dataset: named in the error.
        root: the folder of data sets.
        folder: of its files.
        files: (name, md5) of each.
    """
    for name, md5 in files:
        file = folder / name
        if not file.is_file():
            return EnvironmentLacksError(f"{dataset.title} is not in '{root}'.", f"Get it: {dataset.obtain}")
        try:
            with file.open("rb") as stream:
                found = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        except OSError as error:
            return EnvironmentLacksError(f"'{file}' cannot be read: {error.strerror}.")
        if found != md5:
            return damaged(dataset, file)
    return None


def damaged(dataset: Dataset, file: Path) -> EnvironmentLacksError:
    """Return the error for a file that differs from the published one."""
    return EnvironmentLacksError(
        f"{dataset.title} is damaged: '{file}' is not the published file (its checksum differs).",
        f"Remove it and get it again: {dataset.obtain}",
    )
