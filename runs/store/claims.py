"""Locks of our own, for file systems that have none: numbered files beside the lock.

A file can be created only once, also over a network. The claim with the highest number holds the lock until its owner
releases it or has died; whoever comes next creates the number above. Nobody deletes a claim that may be the highest, so
two processes that find the same owner dead cannot both succeed it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runs.files import descriptor_of, new_file, replacing
from runs.store import lock_owner

RELEASED = b"{}"


class Claim:
    """A claim that holds the lock.

    Args:
        lock: the lock file.
        number: of the claim.
    """

    def __init__(self, lock: Path, number: int) -> None:
        self._lock, self._number = lock, number

    def holds(self) -> bool:
        """Return whether nobody has taken the lock over, as happens to a process that was suspended for long."""
        return _highest(self._lock) == self._number

    def release(self) -> None:
        """Let the next one have the lock."""
        with contextlib.suppress(OSError):
            if self.holds():
                with replacing(_file(self._lock, self._number)) as stream:
                    stream.write(RELEASED)


def take(lock: Path, is_alive: Callable[[dict[str, Any]], bool]) -> Claim | None:
    """Take the lock; return None if another process has it.

    Args:
        lock: the lock file.
        is_alive: whether the owner of the highest claim, as :mod:`runs.store.lock_owner` describes it, still lives.

    Raises:
        OSError: the folder cannot be written.
    """
    before = _highest(lock)
    if before and not _is_free(_file(lock, before), is_alive):
        return None
    claim = Claim(lock, before + 1)
    if not _create(_file(lock, before + 1), json.dumps(lock_owner.ourselves()).encode()) or not claim.holds():
        return None
    for number in range(before, 0, -1):
        try:
            _file(lock, number).unlink()
        except FileNotFoundError:
            break
    return claim


def _is_free(file: Path, is_alive: Callable[[dict[str, Any]], bool]) -> bool:
    try:
        descriptor = descriptor_of(file)
    except OSError:
        return False  # it has just been succeeded
    try:
        content = os.pread(descriptor, len(RELEASED) + 1, 0)
        # An empty claim is being created, on a file system without links.
        return content == RELEASED or (bool(content) and not is_alive(lock_owner.read(descriptor)))
    finally:
        os.close(descriptor)


def _create(file: Path, content: bytes) -> bool:
    """Create a file that nobody ever sees without its content; return whether we were the first."""
    prepared = file.with_name(f".{file.name}.{secrets.token_hex(6)}")
    try:
        with new_file(prepared) as stream:
            stream.write(content)
        os.link(prepared, file)
    except FileExistsError:
        return False
    except OSError:  # a file system without links
        return _create_at_once(file, content)
    finally:
        with contextlib.suppress(OSError):
            prepared.unlink()
    return True


def _create_at_once(file: Path, content: bytes) -> bool:
    try:
        with new_file(file) as stream:
            stream.write(content)
    except FileExistsError:
        return False
    return True


def _file(lock: Path, number: int) -> Path:
    return lock.with_name(f"{lock.name}.{number}")


def _highest(lock: Path) -> int:
    """Return the number of the highest claim; 0 if there is none."""
    numbers = (file.name.removeprefix(f"{lock.name}.") for file in lock.parent.glob(f"{lock.name}.*"))
    return max((int(number) for number in numbers if re.fullmatch("[0-9]{1,9}", number)), default=0)
