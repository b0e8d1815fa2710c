"""Paths as users give them."""

from __future__ import annotations

from pathlib import Path

from runs.errors import EnvironmentLacksError, UsageError


def user_path(given: str | Path) -> Path:
    """Return the absolute path that a user means, with ``~`` and ``~name`` replaced by home folders.

    Raises:
        UsageError: no file can have that name, or it begins with the name of an unknown user.
        EnvironmentLacksError: it depends on a home folder or on a current folder that does not exist.
    """
    text = str(given)
    if "\0" in text:
        raise UsageError(f"'{text[:80]}' is not a path: it contains a null character.")
    try:
        path = Path(text).expanduser()
    except RuntimeError:
        user = Path(text).parts[0]
        if user == "~":
            raise EnvironmentLacksError(
                f"'{text[:80]}' depends on your home folder, which is unknown.", "Set HOME, or give the whole path."
            ) from None
        raise UsageError(f"There is no user '{user[1:80]}', so '{text[:80]}' is not a path.") from None
    try:
        return path.absolute()
    except OSError as error:
        raise EnvironmentLacksError(
            f"'{text[:80]}' is relative to the current folder, which no longer exists.",
            "Change to another folder, or give the whole path.",
        ) from error
