"""The files of a checkpoint: sealed by a checksum, the newest and the one before.

torch writes an archive whose entries have checksums, and does not check them when it reads. A seal after the archive
covers every byte of it. Checkpoints of version 0.2 have none; of these, the checksums of the entries are checked.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import zipfile
import zlib
from pathlib import Path
from typing import IO

from runs import files
from runs.errors import UsageError
from runs.files import MEBIBYTE, open_regular
from runs.home import RunPaths, short_id

_SEAL = re.compile(rb"nastui crc32 ([0-9a-f]{8})\n")
_SEAL_BYTES = len(b"nastui crc32 00000000\n")
# An archive without a comment ends with a record of exactly this size, too.
_ARCHIVE_END = b"PK\x05\x06"


class DamagedCheckpointError(UsageError):
    """The checkpoint of a run is damaged.

    Attributes:
        has_previous: whether the run can resume from the checkpoint before it.
    """

    def __init__(self, path: Path, fault: str) -> None:
        paths = RunPaths(path.parent)
        self.has_previous = paths.previous_checkpoint.exists() and not fault_of(paths.previous_checkpoint)
        command = f"nastui runs resume {short_id(paths.root.name)} --previous-checkpoint"
        super().__init__(
            f"The checkpoint '{path}' is damaged: {fault}.",
            f"Resume from the one before: {command}"
            if self.has_previous
            else "There is none before it. Move it away to start this run again from its first epoch.",
        )


class Sealed:
    """A file that is being written, and the checksum of what has been written.

    Args:
        stream: the file, empty.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._checksum = stream, 0

    def write(self, content: bytes) -> int:
        """Write bytes, or anything that is seen as bytes."""
        self._checksum = zlib.crc32(content, self._checksum)
        return self._stream.write(content)

    def flush(self) -> None:
        """Pass on to the system what has been written."""
        self._stream.flush()

    def seal(self) -> None:
        """Write the seal; nothing may follow."""
        self._stream.write(b"nastui crc32 %08x\n" % self._checksum)


def fault_of(path: Path) -> str:
    """Return what is wrong with a checkpoint; empty if it has the bytes that were written.

    A gigabyte takes a fifth of a second, once it has been read.

    Raises:
        OSError: it cannot be read.
    """
    with open_regular(path) as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - _SEAL_BYTES))
        end = stream.read()
        if seal := _SEAL.fullmatch(end):
            stream.seek(0)
            checksum, left = 0, size - _SEAL_BYTES
            while left and (part := stream.read(min(left, MEBIBYTE))):
                checksum, left = zlib.crc32(part, checksum), left - len(part)
            return "" if checksum == int(seal[1], 16) else "its content does not match its checksum"
        if not end.startswith(_ARCHIVE_END):
            return "its end is missing"
        try:
            with zipfile.ZipFile(stream) as archive:
                entry = archive.testzip()
        except (
            zipfile.BadZipFile,
            NotImplementedError,
            RuntimeError,
            OSError,
            EOFError,
            ValueError,
            zlib.error,
        ) as error:
            return f"its archive cannot be read ({error})"
        return f"'{entry}' does not match its checksum" if entry else ""


def check(path: Path) -> None:
    """Check that a checkpoint, if there is one, is as it was written.

    Raises:
        DamagedCheckpointError: it is not.
    """
    try:
        fault = fault_of(path)
    except FileNotFoundError:
        return
    except OSError as error:
        fault = f"it cannot be read, {error.strerror}"
    if fault:
        raise DamagedCheckpointError(path, fault)


def keep_previous(paths: RunPaths) -> None:
    """Keep the current checkpoint as the previous one; the next one replaces it under its own name only."""
    # A second name of the same file costs no room, and leaves a checkpoint under the first name at every moment. Some
    # file systems have no second names; there, nothing is kept.
    with contextlib.suppress(OSError):
        _name_again(paths.checkpoint, paths.previous_checkpoint)


def go_back(paths: RunPaths) -> None:
    """If the last checkpoint is damaged or gone, exchange it and the previous one; call it with the run's lock held.

    Raises:
        UsageError: there is no previous checkpoint, or it is damaged too.
        OSError: the folder cannot be written.
    """
    if paths.checkpoint.exists() and not fault_of(paths.checkpoint):
        return
    if not paths.previous_checkpoint.exists():
        raise UsageError(
            f"Run '{paths.root.name}' has no previous checkpoint.",
            "Move the damaged one away to start this run again from its first epoch.",
        )
    if fault := fault_of(paths.previous_checkpoint):
        raise UsageError(
            f"The previous checkpoint '{paths.previous_checkpoint}' is damaged too: {fault}.",
            "Move both away to start this run again from its first epoch.",
        )
    current = paths.root / f".{paths.checkpoint.name}.{secrets.token_hex(6)}"
    if paths.checkpoint.exists():
        files.disk.link(paths.checkpoint, current)
    _name_again(paths.previous_checkpoint, paths.checkpoint)
    if current.exists():
        files.disk.replace(current, paths.previous_checkpoint)


def _name_again(file: Path, name: Path) -> None:
    """Give a file a second name, in place of the file that had it."""
    temporary = name.with_name(f".{name.name}.{secrets.token_hex(6)}")
    try:
        files.disk.link(file, temporary)
        files.disk.replace(temporary, name)
    finally:
        temporary.unlink(missing_ok=True)  # renaming one name of a file to another name of the same does nothing
