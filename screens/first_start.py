"""The hint for somebody who starts nastui for the first time; the home remembers that it was dismissed."""

from __future__ import annotations

import contextlib
import json

from runs.errors import NastuiError
from runs.files import MEBIBYTE, read_regular, replace_text
from runs.home import Home

_FILE = "dashboard.json"
_DISMISSED = {"version": 1, "hint": "dismissed"}


def is_first(home: Home) -> bool:
    """Return whether the hint was not yet dismissed in this home."""
    try:
        raw = json.loads(read_regular(home.root / _FILE, MEBIBYTE))
    except (OSError, ValueError, RecursionError):
        return True
    return not isinstance(raw, dict) or raw.get("hint") != _DISMISSED["hint"]


def dismiss(home: Home) -> None:
    """Remember that the hint was dismissed; in a home that cannot be written, it appears again at the next start."""
    with contextlib.suppress(NastuiError, OSError):
        home.prepare()
        replace_text(home.root / _FILE, json.dumps(_DISMISSED) + "\n")
