"""Import of the benchmarks' own files. They are pickles: only trusted ones are opened, and in a separate process."""

from __future__ import annotations

import tempfile
from pathlib import Path

from runs.benchmarks import store
from runs.benchmarks.table import Table
from runs.errors import UsageError
from runs.files import is_folder, open_regular
from runs.home import Home
from runs.subprocess_task import run_task

# A zip archive, which torch writes; a bare pickle, which it used to write; a pickle compressed by bzip2.
_BEGINNINGS = (b"PK\x03\x04", b"\x80", b"BZh")


def is_pickled(path: Path) -> bool:
    """Return whether a path is a folder, or a file that starts like a pickle or an archive of pickles."""
    if is_folder(path):
        return True
    try:
        with open_regular(path) as file:
            return file.read(4).startswith(_BEGINNINGS)
    except OSError:
        return False


def import_pickled(path: Path, home: Home, name: str | None = None, *, trusted: bool) -> Table:
    """Import a file that :mod:`engine.tools.benchmark_import` can read. ``trusted`` allows the code in it to run.

    Raises:
        UsageError: the file is not trusted, is damaged, or is another kind of file.
        EnvironmentLacksError: there is too little memory, or the home cannot be written.
    """
    if not trusted:
        raise UsageError(
            f"'{path}' is a pickle or a folder of pickles: opening one runs whatever code it holds.",
            "Import a CSV instead, or add --trust if you trust where it comes from.",
        )
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / f"{path.absolute().name}.csv"
        run_task("engine.tools.benchmark_import", str(path.absolute()), str(plain))
        return store.import_csv(plain, home, name)
