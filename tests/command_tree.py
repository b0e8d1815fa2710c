"""Every command of the command line, by its words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from nastui.cli.application import app


def commands() -> dict[tuple[str, ...], Any]:
    """Return every command and group; the empty tuple is ``nastui`` itself."""
    return dict(_walk((), typer.main.get_command(app)))


def is_group(command: Any) -> bool:
    """Return whether a command only holds others."""
    return bool(getattr(command, "commands", None))


def _walk(words: tuple[str, ...], command: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield words, command
    for name, below in getattr(command, "commands", {}).items():
        yield from _walk((*words, name), below)
