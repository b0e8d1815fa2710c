"""Small questions for a process that may import torch: it prints one JSON object and ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import Any

from runs.errors import BusyError, EnvironmentLacksError, NastuiError, NotFoundError, UsageError
from runs.processes import command, environment

ASKED = "NASTUI_ASKED"
_KINDS = {kind.exit_code: kind for kind in (UsageError, NotFoundError, BusyError, EnvironmentLacksError)}


class Errand:
    """A question that has been asked and may be withdrawn. Who asked it need not live to its end: it ends with him.

    Args:
        module: one whose main function is :func:`engine.core.subprocess_task.answer`.
        arguments: for it.
        show_progress: let its stderr through to ours; a dashboard must not.

    Raises:
        EnvironmentLacksError: the process cannot be started.
    """

    def __init__(self, module: str, *arguments: str, show_progress: bool = False) -> None:
        self._module = module
        # Nothing is ever written into it: the process reads on until our end is closed, however we ended.
        theirs, self._ours = os.pipe()
        try:
            self._process = subprocess.Popen(
                command(module, *arguments),
                stdin=theirs,
                stdout=subprocess.PIPE,
                stderr=None if show_progress else subprocess.PIPE,
                env=environment() | {ASKED: "1"},
                text=True,
                errors="replace",
            )
        except OSError as error:
            os.close(self._ours)
            raise EnvironmentLacksError(f"'{module}' cannot be started: {error.strerror}.") from error
        finally:
            os.close(theirs)

    def answer(self) -> Any:
        """Wait for the answer and return it; to be called once.

        Raises:
            NastuiError: as the process says, or with its last word where it broke or was withdrawn.
        """
        try:
            said, complaints = self._process.communicate()
        finally:
            self.withdraw()
            self._process.wait()
            os.close(self._ours)
        try:
            told = json.loads(said.strip().splitlines()[-1])
        except (ValueError, IndexError) as error:
            raise self._silence(complaints or "") from error
        if "error" in told:
            raise _KINDS.get(told["exit"], NastuiError)(told["error"], told["hint"])
        return told["result"]

    def withdraw(self) -> None:
        """End the process; does nothing where it has ended."""
        self._process.kill()

    def _silence(self, complaints: str) -> EnvironmentLacksError:
        if self._process.returncode == -signal.SIGKILL:
            return EnvironmentLacksError(
                f"'{self._module}' was killed.", "Most often the machine's memory was too small for it."
            )
        last = complaints.strip().splitlines()[-1:] or [f"it ended with code {self._process.returncode}"]
        return EnvironmentLacksError(f"'{self._module}' gave no answer: {last[0]}.", "See `nastui doctor`.")


def ask(module: str, *arguments: str, show_progress: bool = False) -> Any:
    """Run ``python -P -m module`` and return what it answers; arguments and errors are those of :class:`Errand`."""
    return Errand(module, *arguments, show_progress=show_progress).answer()
