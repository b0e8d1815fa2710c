"""What has been removed, and deleting it for good."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from runs.errors import EnvironmentLacksError
from runs.formatting import count
from runs.home import Home


@dataclass(frozen=True)
class Trash:
    """What lies in the trash of a home: folders of runs and of sweeps, and files of benchmark tables."""

    runs: tuple[Path, ...]
    sweeps: tuple[Path, ...]
    tables: tuple[Path, ...]

    @classmethod
    def of(cls, home: Home) -> Trash:
        """Return what lies in the trash now."""
        others = (home.removed_sweeps, home.removed_benchmarks)
        runs = tuple(path for path in _inside(home.trash) if path not in others)
        return cls(runs, _inside(home.removed_sweeps), _inside(home.removed_benchmarks))

    def __bool__(self) -> bool:
        return bool(self.paths)

    def __str__(self) -> str:
        """Return ``12 runs, 1 sweep and 1 table``."""
        pairs = ((self.runs, "run"), (self.sweeps, "sweep"), (self.tables, "table"))
        parts = [count(len(paths), name) for paths, name in pairs if paths]
        return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]])) if parts else "nothing"

    @property
    def paths(self) -> tuple[Path, ...]:
        """All of it."""
        return self.runs + self.sweeps + self.tables

    def size(self) -> int:
        """Return the number of bytes that it takes."""
        return sum(_size(path) for path in self.paths)

    def delete(self) -> None:
        """Delete it for good.

        Raises:
            EnvironmentLacksError: some of it cannot be deleted; the rest has been.
        """
        failed: OSError | None = None
        for path in self.paths:
            try:
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()
            except FileNotFoundError:
                continue  # somebody else has restored or deleted it
            except OSError as error:
                failed = error
        if failed is not None:
            raise EnvironmentLacksError(
                f"'{failed.filename}' cannot be deleted: {failed.strerror}.", "Change its permissions."
            )


def _inside(folder: Path) -> tuple[Path, ...]:
    try:
        return tuple(sorted(folder.iterdir()))
    except OSError:
        return ()


def _size(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder; links are not followed."""
    try:
        if not path.is_dir() or path.is_symlink():
            return path.lstat().st_size
    except OSError:
        return 0
    total = 0
    for folder, _, files in os.walk(path):
        for file in files:
            try:
                total += (Path(folder) / file).lstat().st_size
            except OSError:
                continue
    return total
