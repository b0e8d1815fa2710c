"""The index: one small TinyDB document per run. It is a cache of the run directories, rebuilt if it is damaged."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tinydb import TinyDB
from tinydb.middlewares import CachingMiddleware
from tinydb.storages import Storage

from runs.files import MEBIBYTE, discard_unfinished, read_regular, replacing
from runs.store.store_lock import store_lock

SCHEMA_VERSION = 4
UPDATE_PATIENCE = 0.5
MOST_BYTES = 1024 * MEBIBYTE  # ten thousand runs have some 20 MB


class AtomicJSONStorage(Storage):
    """TinyDB storage that replaces its file as a whole. A damaged file counts as missing.

    The first key of the file holds a checksum of the rest, because damaged JSON can still be valid.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def read(self) -> dict[str, dict[str, Any]] | None:
        """Return the tables, or None if the file is missing or damaged."""
        try:
            raw = read_regular(self._path, MOST_BYTES)
        except OSError:
            return None
        head, body = raw[: len(_sealed(b""))], raw[len(_sealed(b"")) :]
        return _tables(body.decode()) if head == _sealed(body) else None

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        """Replace the file."""
        body = _text(data)[1:].encode()
        with replacing(self._path) as stream:
            stream.write(_sealed(body) + body)


def _text(tables: dict[str, dict[str, Any]]) -> str:
    """Return the text of ``json.dumps(tables)``; one call per document, for the reason given in :func:`_tables`."""
    return _joined(
        (name, _joined((str(key), json.dumps(document)) for key, document in table.items()))
        for name, table in tables.items()
    )


def _joined(members: Iterable[tuple[str, str]]) -> str:
    return "{" + ", ".join(f"{json.dumps(key)}: {value}" for key, value in members) + "}"


def _tables(body: str) -> dict[str, dict[str, Any]]:
    """Return the same tables as ``json.loads("{" + body)``, from the text of a file with a valid checksum.

    A single call for ten thousand runs would block every other Python thread for a third of a second, and freeze a
    dashboard that reads in the background. Therefore there is one call per document.
    """
    decode = json.JSONDecoder().raw_decode
    tables: dict[str, dict[str, Any]] = {}
    place = 0
    while body[place] != "}":
        name, place = decode(body, place)
        table = tables[name] = {}
        place += len(": {")
        while body[place] != "}":
            key, place = decode(body, place)
            table[key], place = decode(body, place + len(": "))
            place += len(", ") if body[place] == "," else 0
        place += len("}, ") if body[place + 1] == "," else len("}")
    return tables


def _sealed(body: bytes) -> bytes:
    return b'{"crc32": {"%08x": {}}, ' % zlib.crc32(body)


class Index:
    """Documents by run id. Reading needs no lock; each write is a read-modify-write under the lock.

    Args:
        path: the TinyDB file.
        lock: the lock file that every writer takes.
    """

    def __init__(self, path: Path, lock: Path) -> None:
        self._path = path
        self._lock = lock

    def read(self) -> dict[str, dict[str, Any]]:
        """Return every document of this version by run id; empty if the index is missing or unreadable."""
        documents = self._open().table("runs").all()
        return {str(d["id"]): dict(d) for d in documents if d.get("schema") == SCHEMA_VERSION and "id" in d}

    def update(self, changed: Iterable[dict[str, Any]], gone: Iterable[str]) -> None:
        """Store changed documents and delete those of removed runs, in one replacement of the file.

        Raises:
            filelock.Timeout: another process holds the lock. The index can be updated later, so the wait is short.
        """
        fresh, dropped = {str(document["id"]): document for document in changed}, set(gone)
        if not fresh and not dropped:
            return
        with store_lock(self._lock, UPDATE_PATIENCE):
            discard_unfinished(self._path)
            kept = self.read()
            kept.update(fresh)
            caching = CachingMiddleware(AtomicJSONStorage)  # type: ignore[no-untyped-call]
            with TinyDB(str(self._path), storage=caching) as database:
                database.drop_tables()
                database.table("runs").insert_multiple(
                    document | {"schema": SCHEMA_VERSION} for run, document in kept.items() if run not in dropped
                )

    def _open(self) -> TinyDB:
        return TinyDB(str(self._path), storage=AtomicJSONStorage)
