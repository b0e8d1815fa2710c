"""Command lines in the process of a test: far cheaper than the script, for commands that start no engine."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass

import pytest

from nastui.cli import common_options, main


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    said: str


class Typing:
    """Types command lines, with an empty stdin that is not a terminal."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, line: str) -> Answer:
        """Type a line, with or without its first word ``nastui``."""
        words = shlex.split(line)
        with self._monkeypatch.context() as patched:
            patched.setattr(sys, "argv", ["nastui", *(words[1:] if words[:1] == ["nastui"] else words)])
            for name in ("quiet", "verbose", "home_given"):
                patched.setattr(common_options, name, False)
            self._capsys.readouterr()
            with pytest.raises(SystemExit) as exit_:
                main()
        printed = self._capsys.readouterr()
        return Answer(exit_.value.code if isinstance(exit_.value.code, int) else 0, printed.out, printed.err)
