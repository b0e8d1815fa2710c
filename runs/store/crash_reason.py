"""Why an engine is gone that could say nothing in its event log, as far as its own output tells."""

from __future__ import annotations

import re

from runs.home import RunPaths

_ENOUGH_BYTES = 4096
_LAST_LINES = 3
_CAUSES = re.compile(
    r"killed|terminated|memory|segmentation fault|bus error|fatal python error|aborted|illegal instruction|"
    r"no space left|quota|stale file handle|cuda error|time limit|preempt",
    re.IGNORECASE,
)


def crash_reason(paths: RunPaths, since: float | None) -> str:
    """Return the line at the end of the engine's output that names a cause; nothing where none does.

    Args:
        paths: the run.
        since: the time of its last event: output from before is of an engine that was resumed.
    """
    try:
        if since is not None and paths.log.stat().st_mtime < since - 1:
            return ""
        with paths.log.open("rb") as log:
            size = log.seek(0, 2)
            log.seek(max(0, size - _ENOUGH_BYTES))
            lines = log.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    told = [line.strip() for line in lines if line.strip()][-_LAST_LINES:]
    return next((line for line in reversed(told) if _CAUSES.search(line)), "")
