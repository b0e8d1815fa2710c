"""The benchmark tables of a home: one file per table, written whole or not at all."""

from __future__ import annotations

import hashlib
import itertools
import math
import re
import struct
from pathlib import Path
from typing import IO

from runs.benchmarks import csv_file, included
from runs.benchmarks.csv_file import Address, Content
from runs.benchmarks.table import LENGTH, SUFFIX, Header, Table, header_bytes
from runs.errors import EnvironmentLacksError, NotFoundError, UsageError, closest
from runs.files import discard_abandoned, open_regular, replace_with
from runs.home import Home

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def tables(home: Home) -> list[Table]:
    """Return the tables that can be read, by name: the imported ones, and the included one if none takes its place."""
    opened = _opened(home)
    return [*_readable(opened), *([] if _is_replaced(opened) else [included.table()])]


def damaged(home: Home) -> dict[str, UsageError]:
    """Return, by table name, why a table cannot be read."""
    return {name: found for name, found in _opened(home).items() if isinstance(found, UsageError)}


def for_space(home: Home, space: str) -> Table | None:
    """Return the table for runs of a space: the imported one with the space's name, else the first imported one.

    Without an imported one it is the included table, if that is of the space.
    """
    opened = _opened(home)
    found = [table for table in _readable(opened) if table.space == space]
    if not found and space == included.SPACE and not _is_replaced(opened):
        return included.table()
    return min(found, key=lambda table: (table.name != space, table.name), default=None)


def import_csv(path: Path, home: Home, name: str | None = None) -> Table:
    """Import a file (see :mod:`runs.benchmarks.csv_file`) as a table of the home, and return the table.

    A table of the same name is replaced only when the new one is complete. After an error, the old one remains.

    Args:
        path: the file.
        home: where to keep the table.
        name: the name of the table; by default the name of its space.

    Raises:
        NotFoundError: the file cannot be read.
        UsageError: the file or the name is invalid.
        EnvironmentLacksError: the home cannot be written.
    """
    if name is not None:
        _check_name(name)
    content = csv_file.read(path)
    try:
        with open_regular(path) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise NotFoundError(f"'{path}' cannot be read: {error.strerror}.") from error
    target = home.benchmarks / f"{_check_name(name or content.space)}{SUFFIX}"
    try:
        home.benchmarks.mkdir(parents=True, exist_ok=True)
        discard_abandoned(home.benchmarks, f".*{SUFFIX}.*")
        replace_with(target, lambda stream: _write(stream, content, path.name, digest))
    except OSError as error:
        raise EnvironmentLacksError(
            f"'{target}' cannot be written: {error.strerror}.", "Name another folder with --home or NASTUI_HOME."
        ) from error
    return Table.open(target)


def remove(home: Home, name: str) -> Path:
    """Move a table, damaged or not, to the trash and return its path there. It replaces nothing in the trash.

    Raises:
        NotFoundError: there is no such table.
        EnvironmentLacksError: the home cannot be written.
    """
    target = home.removed_benchmarks / f"{_known(home.benchmarks, name)}{SUFFIX}"
    copies = itertools.count(2)
    while target.exists():
        target = home.removed_benchmarks / f"{name}.{next(copies)}{SUFFIX}"
    _move(home.benchmarks / f"{name}{SUFFIX}", target)
    return target


def restore(home: Home, name: str) -> Path:
    """Bring a table back from the trash, and return its path.

    Raises:
        NotFoundError: no table of that name is in the trash.
        UsageError: there is another table of that name.
        EnvironmentLacksError: the home cannot be written.
    """
    target = home.benchmarks / f"{_known(home.removed_benchmarks, name)}{SUFFIX}"
    if target.exists():
        raise UsageError(f"There is another table '{name}'.", f"First: nastui benchmark rm {name}")
    _move(home.removed_benchmarks / target.name, target)
    return target


def _known(folder: Path, name: str) -> str:
    """Check that a folder has a table of this name, and return the name."""
    names = [path.stem for path in sorted(folder.glob(f"[!.]*{SUFFIX}"))]
    if name not in names and name == included.table().name:
        raise UsageError(f"The table '{name}' comes with nastui.", "An imported table of its space takes its place.")
    if name not in names:
        raise NotFoundError(
            f"There is no table '{name[:80]}' in '{folder}'.",
            closest(name, names) if names else "See `nastui benchmark list`.",
        )
    return name


def _move(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)
    except OSError as error:
        raise EnvironmentLacksError(f"'{source}' cannot be moved to '{target}': {error.strerror}.") from error


def _readable(opened: dict[str, Table | UsageError]) -> list[Table]:
    return [table for table in opened.values() if isinstance(table, Table)]


def _is_replaced(opened: dict[str, Table | UsageError]) -> bool:
    """Return whether an imported table takes the place of the included one; it may be damaged, and is then missed."""
    return included.SPACE in opened or any(table.space == included.SPACE for table in _readable(opened))


def _opened(home: Home) -> dict[str, Table | UsageError]:
    found: dict[str, Table | UsageError] = {}
    for path in sorted(home.benchmarks.glob(f"[!.]*{SUFFIX}")):
        try:
            found[path.stem] = Table.open(path)
        except UsageError as error:
            found[path.stem] = error
    return found


def _check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"'{name[:80]}' is not a name for a table.",
            "Use --name with letters, digits, '.', '_' and '-', 64 at most.",
        )
    return name


def _write(stream: IO[bytes], content: Content, source: str, digest: str) -> None:
    keyed = content.topology is None
    slots: list[Address] = sorted(content.rows) if content.topology is None else list(range(content.topology.size))
    header = Header(content.space, content.columns, len(slots), len(content.rows), keyed, source, digest)
    stream.write(header_bytes(header))
    row = struct.Struct(f"<{len(content.columns)}f")
    unknown = (math.nan,) * len(content.columns)
    stream.write(b"".join(row.pack(*content.rows.get(slot, unknown)) for slot in slots))
    if keyed:
        keys = [slot for slot in slots if isinstance(slot, bytes)]
        end = 0
        stream.write(LENGTH.pack(end))
        for key in keys:
            end += len(key)
            stream.write(LENGTH.pack(end))
        stream.write(b"".join(keys))
