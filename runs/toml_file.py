"""Configuration files as users write them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from runs.files import MEBIBYTE, read_regular

MOST_BYTES = MEBIBYTE


def read(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file.

    Raises:
        OSError: it cannot be read, is not a regular file, or has more than a mebibyte.
        ValueError: it is not valid TOML.
    """
    try:
        return tomllib.loads(read_regular(path, MOST_BYTES).decode("utf-8-sig"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8: {error.reason} at byte {error.start}") from None
    except tomllib.TOMLDecodeError:
        raise
    except ValueError:
        raise ValueError("a number has too many digits") from None
