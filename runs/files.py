"""Atomic writing of files: a reader sees either the old content or the new, never a mixture."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file beside ``path`` that replaces it when the block ends without an exception.

    The content is synced to disk before the rename, and the rename before this returns.
    """
    # `tempfile` creates files that only their owner can read, but a store can be shared: the umask decides with whom.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        with temporary.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(path.parent)


def discard_unfinished(path: Path) -> None:
    """Remove the temporary files that killed writers of ``path`` left behind. Only its single writer may call this."""
    for leftover in path.parent.glob(f".{path.name}.*"):
        leftover.unlink(missing_ok=True)


def replace_text(path: Path, text: str) -> None:
    """Replace the content of ``path`` atomically, as UTF-8."""
    with replacing(path) as stream:
        stream.write(text.encode())


def replace_with(path: Path, write: Callable[[IO[bytes]], object]) -> int:
    """Replace ``path`` with what ``write`` writes to the stream; return its size in bytes."""
    with replacing(path) as stream:
        write(stream)
        return stream.tell()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # some network file systems refuse to sync a folder; the rename still happened
    finally:
        os.close(descriptor)
