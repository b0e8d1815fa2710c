"""Every command of the command line, by its words."""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Iterator
from typing import Any

import typer

from nastui.cli.application import app
from nastui.cli.old_names import renewed


def commands() -> dict[tuple[str, ...], Any]:
    """Return every command and group; the empty tuple is ``nastui`` itself."""
    return dict(_walk((), _root()))


def is_group(command: Any) -> bool:
    """Return whether a command only holds others."""
    return bool(getattr(command, "commands", None))


def parse(line: str) -> Any:
    """Parse a command line without running it; return the context of its command. A wrong line raises."""
    words, _ = renewed(shlex.split(re.sub(r" --home \S+", "", line))[1:])
    command: Any = _root()
    context = command.make_context("nastui", words)
    while is_group(command) and (rest := [*context._protected_args, *context.args]):
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)
    return context


@functools.cache
def _root() -> Any:
    return typer.main.get_command(app)


def _walk(words: tuple[str, ...], command: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield words, command
    for name, below in getattr(command, "commands", {}).items():
        yield from _walk((*words, name), below)
