"""Small questions for a process that may import torch: it prints one JSON object and ends."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from runs.errors import BusyError, EnvironmentLacksError, NastuiError, NotFoundError, UsageError
from runs.processes import command, environment

_KINDS = {kind.exit_code: kind for kind in (UsageError, NotFoundError, BusyError, EnvironmentLacksError)}


def ask(module: str, *arguments: str, show_progress: bool = False) -> Any:
    """Run ``python -P -m module`` and return what it answers.

    Args:
        module: one whose main function is :func:`engine.errand.answer`.
        arguments: for it.
        show_progress: let its stderr through to ours; a dashboard must not.

    Raises:
        NastuiError: as the process says, or with its last word where it broke.
    """
    done = subprocess.run(
        command(module, *arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=None if show_progress else subprocess.PIPE,
        env=environment(),
        text=True,
        check=False,
    )
    try:
        said = json.loads(done.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError) as error:
        last = (done.stderr or "").strip().splitlines()[-1:] or [f"it ended with code {done.returncode}"]
        raise EnvironmentLacksError(f"'{module}' gave no answer: {last[0]}.", "See `nastui doctor`.") from error
    if "error" in said:
        raise _KINDS.get(said["exit"], NastuiError)(said["error"], said["hint"])
    return said["result"]
