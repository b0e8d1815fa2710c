"""Asking before something is removed."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from runs.errors import UsageError

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Remove without asking.")]


def confirm(command: str, question: str) -> None:
    """Ask a question; anything but yes ends the command.

    Raises:
        UsageError: nobody can be asked.
        typer.Abort: the answer is no.
    """
    if not sys.stdin.isatty():
        raise UsageError(f"{command} asks for confirmation, but stdin is not a terminal.", "Add --yes.")
    typer.confirm(question, abort=True)
