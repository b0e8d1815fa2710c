"""Values as text, the same on every screen and in every column."""

from __future__ import annotations

import datetime
import re
import time
import unicodedata
from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size

from runs.catalogue import operation_kind
from runs.formatting import count
from runs.genotypes.kinds import OperationKind
from runs.home import short_id
from runs.store.record import Record
from runs.store.status import Status

_BRIEF, _MOST_SHOWN, _MOST_OPERATION = 20, 2000, 100
_NUMBERED = re.compile(r"(sep|dil|max|avg|conv|nor)\w*?_(\d)x\2")
_SHORTER = {"nor": "conv"}


def clean(text: str) -> str:
    """Return foreign text as one line without control characters, cut if it is very long; any space is a plain one."""
    if len(text) > _MOST_SHOWN:
        text = f"{text[:_MOST_SHOWN]}… ({len(text):,} characters)"
    if text.isprintable():  # the fast path: nearly all names are
        return text
    return "".join(
        " " if character.isspace() else character
        for character in text
        if character.isspace() or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )


def operation_label(name: str) -> str:
    """Return the name of an operation in at most five characters: ``sep_conv_3x3`` is ``sep3``."""
    name = name[:_MOST_OPERATION]
    if match := _NUMBERED.match(name):
        return _SHORTER.get(match[1], match[1]) + match[2]
    kind = operation_kind(name)
    return str(kind) if kind in (OperationKind.NONE, OperationKind.SKIP) else clean(name)[:5]


def brief(text: str) -> str:
    """Return a foreign name, cut to 20 characters."""
    shown = clean(text[:200])
    return shown if len(shown) <= _BRIEF else f"{shown[: _BRIEF - 1]}…"


def moment(stamp: str) -> float:
    """Return an ISO time in seconds since 1970; 0 if it is invalid, as in a file edited by hand."""
    try:
        return datetime.datetime.fromisoformat(stamp).timestamp()
    except ValueError:
        return 0.0


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Return text in exactly ``width`` terminal cells, with an ellipsis if it was cut."""
    length = len(text) if text.isascii() else cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…" if width else ""
    padding = " " * (width - length)
    return padding + text if right else text + padding


def time_of_day(moment: float) -> str:
    """Return the local time of day, ``14:03:22``."""
    try:
        return time.strftime("%H:%M:%S", time.localtime(moment))
    except (OverflowError, ValueError, OSError):
        return "--:--:--"


_SIGNS = {
    Status.UNSTARTED: "○",
    Status.QUEUED: "·",
    Status.RUNNING: "●",
    Status.STALLED: "!",
    Status.PAUSED: "‖",
    Status.STOPPING: "◌",
    Status.STOPPED: "■",
    Status.FINISHED: "✓",
    Status.FAILED: "✗",
    Status.LOST: "▲",
}


def status_sign(status: Status) -> str:
    """Return the one-cell sign of a status."""
    return _SIGNS[status]


def status_label(status: Status) -> str:
    """Return the sign and the word."""
    return f"{status_sign(status)} {status}"


def run_names(records: Sequence[Record]) -> str:
    """Return the name of one run, or the number of several, for a sentence."""
    if len(records) == 1:
        name = records[0].labels.name or str(records[0].head["method"])
        return f"{name} ({short_id(records[0].id)})"
    return count(len(records), "run")
