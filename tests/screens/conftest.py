"""What screens look like must not depend on the terminal that the tests run in."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from runs.machine.meters import Machine


@pytest.fixture(autouse=True)
def _one_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "TEXTUAL_THEME", "LC_ALL", "LC_CTYPE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("LANG", "C.UTF-8")


@pytest.fixture(autouse=True)
def _one_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("screens.starting.starting_screen.Meter", lambda: SimpleNamespace(look=lambda: Machine(2)))
