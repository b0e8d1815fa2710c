"""Files of the store and of users: they are written atomically, and only regular files are opened.

A reader sees either the old content or the new, never a mixture. Whatever lies where a file is expected, a pipe, a
device, a folder or terabytes of zeros, no reader waits for it or reads without end. Everything is written through one
:class:`Disk`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from io import BufferedReader, BufferedWriter, FileIO
from pathlib import Path
from typing import IO, Any

MEBIBYTE = 2**20
_ABANDONED_SECONDS = 3600
LARGEST = 65536 * MEBIBYTE  # more than any log, table or file of weights


class Disk:
    """The operations by which our processes write files. ``tests/storm`` puts one that fails or kills in its place."""

    def create(self, path: Path) -> int:
        """Create a file that does not exist, and return a descriptor for writing."""
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)

    def write(self, descriptor: int, content: bytes | memoryview) -> int:
        """Write some bytes and return how many."""
        return os.write(descriptor, content)

    def sync(self, descriptor: int) -> None:
        """Return once a file or folder is on the disk."""
        os.fsync(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        """Give a file another name, in place of the file that has it."""
        source.replace(target)

    def link(self, source: Path, target: Path) -> None:
        """Give a file a second name, which no other file has."""
        os.link(source, target)


disk = Disk()


class _Written(FileIO):
    """A file whose content goes through :data:`disk`."""

    def write(self, content: Any) -> int:
        """Write some bytes and return how many."""
        return disk.write(self.fileno(), content)


def open_regular(path: Path, *, most: int = LARGEST) -> BufferedReader:
    """Open a file for reading, without waiting for the other end of a pipe.

    Args:
        path: the file.
        most: the largest size in bytes.

    Raises:
        OSError: it cannot be opened, is not a regular file, or is larger. ``strerror`` says which.
    """
    stream = open(path, "rb", opener=descriptor_of)  # noqa: SIM115 - Path.open takes no opener
    try:
        size = os.fstat(stream.fileno()).st_size
        if size > most:
            raise OSError(errno.EFBIG, f"it has {size:,} bytes; {most:,} are the most", str(path))
    except OSError:
        stream.close()
        raise
    return stream


def read_regular(path: Path, most: int) -> bytes:
    """Return the content of a file of at most ``most`` bytes.

    Raises:
        OSError: as :func:`open_regular`.
    """
    with open_regular(path, most=most) as stream:
        return stream.read(most)


def end_of(path: Path, most: int) -> bytes:
    """Return the last ``most`` bytes of a file.

    Raises:
        OSError: as :func:`open_regular`.
    """
    with open_regular(path) as stream:
        stream.seek(max(0, stream.seek(0, os.SEEK_END) - most))
        return stream.read(most)


def new_file(path: Path) -> BufferedWriter:
    """Create a file that does not exist, and open it for writing.

    Raises:
        OSError: it exists, or cannot be created.
    """
    return BufferedWriter(_Written(disk.create(path), "wb"))


def copy_regular(source: Path, target: Path) -> None:
    """Copy the content of a file to a file that does not exist.

    Raises:
        OSError: as :func:`open_regular`, or the copy cannot be written.
    """
    with open_regular(source) as stream, new_file(target) as copy:
        shutil.copyfileobj(stream, copy, MEBIBYTE)


def fingerprint(path: str | Path) -> list[int]:
    """Return what differs once a file has been replaced or written: inode, size and time; empty if there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - for thousands of runs, again and again
    except OSError:
        return []
    return [found.st_ino, found.st_size, found.st_mtime_ns]


def is_file(path: Path) -> bool:
    """Return whether there is a regular file; pathlib raises for names that no file can have."""
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: Path) -> bool:
    """Return whether there is a folder; pathlib raises for names that no folder can have."""
    return os.path.isdir(path)  # noqa: PTH112


def append_regular(path: Path) -> BufferedWriter:
    """Open a file for appending; it is created if it does not exist.

    Raises:
        OSError: it cannot be opened, or is not a regular file.
    """
    return BufferedWriter(_Written(descriptor_of(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), "ab"))


def descriptor_of(path: str | Path, flags: int = os.O_RDONLY) -> int:
    """Return a new descriptor of a file.

    Raises:
        OSError: it cannot be opened, or is not a regular file.
    """
    # Without O_NONBLOCK, opening a pipe waits for its other end. It has no effect on regular files.
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, 0o666)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    return descriptor


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file beside ``path`` that replaces it when the block ends without an exception.

    The content is synced to disk before the rename, and the rename before this returns.
    """
    # `tempfile` creates files that only their owner can read, but a store can be shared: the umask decides with whom.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        with new_file(temporary) as stream:
            yield stream
            stream.flush()
            disk.sync(stream.fileno())
        disk.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(path.parent)


def discard_unfinished(path: Path) -> None:
    """Remove the temporary files that killed writers of ``path`` left behind. Only its single writer may call this."""
    for leftover in path.parent.glob(f".{path.name}.*"):
        with contextlib.suppress(OSError):
            leftover.unlink()


def discard_abandoned(folder: Path, pattern: str) -> None:
    """Remove what killed writers left in a folder: hidden files and folders that nobody has changed for an hour.

    Args:
        folder: need not exist.
        pattern: of their names; it begins with a dot.
    """
    for leftover in folder.glob(pattern):
        with contextlib.suppress(OSError):
            if time.time() - leftover.stat().st_mtime > _ABANDONED_SECONDS:
                shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()


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
        disk.sync(descriptor)
    except OSError:
        pass  # some network file systems refuse to sync a folder; the rename still happened
    finally:
        os.close(descriptor)
