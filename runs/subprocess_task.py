"""Small tasks in a subprocess that may import torch: it prints one JSON object and exits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import Any

from runs.errors import BusyError, EnvironmentLacksError, NastuiError, NotFoundError, UsageError
from runs.processes import command, environment

IS_SUBPROCESS_TASK = "NASTUI_SUBPROCESS_TASK"
_KINDS = {kind.exit_code: kind for kind in (UsageError, NotFoundError, BusyError, EnvironmentLacksError)}


class SubprocessTask:
    """A task in a subprocess that has been started and can be cancelled. The subprocess ends when its parent does.

    Args:
        module: a module whose main function calls :func:`engine.core.subprocess_task.run_task`.
        arguments: its command line arguments.
        show_progress: whether its stderr is passed through; must be false in a dashboard.

    Raises:
        EnvironmentLacksError: the process cannot be started.
    """

    def __init__(self, module: str, *arguments: str, show_progress: bool = False) -> None:
        self._module = module
        # Nothing is ever written to the pipe. The subprocess waits for its end of file, which comes however our process
        # ends.
        theirs, self._ours = os.pipe()
        try:
            self._process = subprocess.Popen(
                command(module, *arguments),
                stdin=theirs,
                stdout=subprocess.PIPE,
                stderr=None if show_progress else subprocess.PIPE,
                env=environment() | {IS_SUBPROCESS_TASK: "1"},
                text=True,
                errors="replace",
            )
        except OSError as error:
            os.close(self._ours)
            raise EnvironmentLacksError(f"'{module}' cannot be started: {error.strerror}.") from error
        finally:
            os.close(theirs)

    def result(self) -> Any:
        """Wait for the result and return it. May be called once.

        Raises:
            NastuiError: the error that the subprocess reports.
            EnvironmentLacksError: it failed without a report, or was cancelled; the message has its last line.
        """
        try:
            output, errors = self._process.communicate()
        finally:
            self.cancel()
            self._process.wait()
            os.close(self._ours)
        try:
            reply = json.loads(output.strip().splitlines()[-1])
        except (ValueError, IndexError) as error:
            raise self._silence(errors or "") from error
        if "error" in reply:
            raise _KINDS.get(reply["exit"], NastuiError)(reply["error"], reply["hint"])
        return reply["result"]

    def cancel(self) -> None:
        """Kill the subprocess, if it is still running."""
        self._process.kill()

    def _silence(self, errors: str) -> EnvironmentLacksError:
        if self._process.returncode == -signal.SIGKILL:
            return EnvironmentLacksError(
                f"'{self._module}' was killed.", "Most often the machine's memory was too small for it."
            )
        last = errors.strip().splitlines()[-1:] or [f"it ended with code {self._process.returncode}"]
        return EnvironmentLacksError(f"'{self._module}' gave no result: {last[0]}.", "See `nastui doctor`.")


def run_task(module: str, *arguments: str, show_progress: bool = False) -> Any:
    """Run ``python -P -m module`` and return its result. Arguments and errors are those of :class:`SubprocessTask`."""
    return SubprocessTask(module, *arguments, show_progress=show_progress).result()
