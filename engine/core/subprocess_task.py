"""The engine's side of :mod:`runs.subprocess_task`: run a task, print its result, exit."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from engine.core.local_launcher import exit_with_parent
from runs.errors import NastuiError
from runs.subprocess_task import IS_SUBPROCESS_TASK


def run_task(task: Callable[[list[str]], Any]) -> None:
    """Call a task with the arguments of the command line, print its result or its error as JSON, and exit.

    Args:
        task: returns plain values; a :class:`runs.errors.NastuiError` becomes the error.
    """
    if os.environ.pop(IS_SUBPROCESS_TASK, ""):
        exit_with_parent()
    code = 0
    try:
        reply = {"result": task(sys.argv[1:])}
    except NastuiError as error:
        reply, code = {"error": error.message, "hint": error.hint, "exit": error.exit_code}, error.exit_code
    sys.stdout.write(json.dumps(reply) + "\n")
    sys.exit(code)
