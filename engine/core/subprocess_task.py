"""The answering side of :mod:`runs.subprocess_task`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from engine.core.local_launcher import die_with_supervisor
from runs.errors import NastuiError
from runs.subprocess_task import IS_SUBPROCESS_TASK


def answer(work: Callable[[list[str]], Any]) -> None:
    """Call ``work`` with the arguments of the command line, print what it returns, and exit as it went."""
    if os.environ.pop(IS_SUBPROCESS_TASK, ""):
        die_with_supervisor()
    code = 0
    try:
        said = {"result": work(sys.argv[1:])}
    except NastuiError as error:
        said, code = {"error": error.message, "hint": error.hint, "exit": error.exit_code}, error.exit_code
    sys.stdout.write(json.dumps(said) + "\n")
    sys.exit(code)
