"""The lock of a home's shared files: the index, the labels, the measurements."""

from __future__ import annotations

import contextlib
import errno
import warnings
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from runs.errors import BusyError, EnvironmentLacksError

PATIENCE_SECONDS = 30.0
# filelock would say so in every command; `nastui doctor` says it once.
warnings.filterwarnings("ignore", message="flock not supported", module="filelock")
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL)


@contextlib.contextmanager
def store_lock(path: Path, seconds: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Hold the lock while the block runs. Where the file system has no locks, a file that exists is the lock.

    Args:
        path: the lock file.
        seconds: to wait for another process.

    Raises:
        filelock.Timeout: another process holds it for longer.
        OSError: the lock file cannot be written.
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(FileLock(path, timeout=seconds))
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            from filelock import SoftFileLock

            stack.enter_context(SoftFileLock(f"{path}.held", timeout=seconds))
        yield


@contextlib.contextmanager
def changing(
    lock: Path, busy: str, unwritable: str, hint: str = "", *, seconds: float = PATIENCE_SECONDS
) -> Iterator[None]:
    """Hold a lock while shared files are changed, and turn failures of the lock and of the block into errors for users.

    Args:
        lock: the lock file; its folder is created.
        busy: the sentence if another process holds the lock for too long.
        unwritable: what cannot be done if the disk is full or a file may not be written, without a full stop.
        hint: what to do about that.
        seconds: to wait for another process.

    Raises:
        BusyError: another process holds the lock for longer.
        EnvironmentLacksError: a file cannot be written.
    """
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        with store_lock(lock, seconds):
            yield
    except Timeout as error:
        raise BusyError(busy, "Try again.") from error
    except OSError as error:
        raise EnvironmentLacksError(f"{unwritable}: {error.strerror}.", hint) from error
