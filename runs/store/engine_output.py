"""What an engine printed: the end of it, and why it died without an event, as far as that tells."""

from __future__ import annotations

import re

from runs.files import end_of
from runs.home import RunPaths

_ENOUGH_BYTES = 4096
_LAST_LINES = 3
_CAUSES = re.compile(
    r"killed|terminated|memory|segmentation fault|bus error|fatal python error|aborted|illegal instruction|"
    r"no space left|quota|stale file handle|cuda error|time limit|preempt",
    re.IGNORECASE,
)


def output_end(paths: RunPaths, limit: int = 400) -> str:
    """Return the last bytes of the engine's output as text; empty if it cannot be read."""
    try:
        return end_of(paths.log, limit).decode(errors="replace").strip()
    except OSError:
        return ""


def crash_reason(paths: RunPaths, since: float | None) -> str:
    """Return the line near the end of the engine's output that names a cause, or an empty string.

    Args:
        paths: the run.
        since: the time of its last event in seconds since 1970. Older output belongs to an earlier engine.
    """
    try:
        if since is not None and paths.log.stat().st_mtime < since - 1:
            return ""
        lines = end_of(paths.log, _ENOUGH_BYTES).decode(errors="replace").splitlines()
    except OSError:
        return ""
    last = [line.strip() for line in lines if line.strip()][-_LAST_LINES:]
    return next((line for line in reversed(last) if _CAUSES.search(line)), "")
