"""Fixtures that make screens independent of the terminal and of the machine."""

from __future__ import annotations

import dataclasses
import itertools
import random
from types import SimpleNamespace
from typing import Any

import pytest
from textual.app import App

from runs.genotypes import nasbench201
from runs.home import Home
from runs.log.event_log import EventLog
from runs.machine.meters import Machine
from tests.screens.driving import NOTIFIED
from tests.synthetic import epoch_event, make_run


@pytest.fixture(autouse=True)
def _one_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "TEXTUAL_THEME", "LC_ALL", "LC_CTYPE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("LANG", "C.UTF-8")


@pytest.fixture(autouse=True)
def _recorded_notifications(monkeypatch: pytest.MonkeyPatch) -> None:
    notify = App.notify

    def record(app: App[Any], message: str, **options: Any) -> None:
        NOTIFIED.append(message)
        notify(app, message, **options)

    NOTIFIED.clear()
    monkeypatch.setattr(App, "notify", record)


@pytest.fixture(autouse=True)
def _one_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("screens.starting.starting_screen.Meter", lambda: SimpleNamespace(look=lambda: Machine(2)))


@pytest.fixture
def ids(home: Home, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two seeds of one configuration, and a shorter run that found another cell."""
    numbers = itertools.count(1)
    monkeypatch.setattr("secrets.token_hex", lambda size: f"{next(numbers):08x}"[::-1])
    made = [make_run(home.root, epochs=epochs, done=done, seed=seed) for epochs, done, seed in ((9, 9, 0), (9, 9, 1))]
    config, paths = make_run(home.root, epochs=6, done=4, seed=2, ended=False)
    last = epoch_event(5, 6, random.Random(3))
    other = nasbench201.genotype([3, 3, 3, 1, 3, 3]).to_json()
    with EventLog(paths.events) as journal:
        journal.append(dataclasses.replace(last, genotype=other, benchmark={"cifar10": {"test": 93.5}}))
    return [*(config.id for config, _ in made), config.id]
