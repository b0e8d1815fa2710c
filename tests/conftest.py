"""Fixtures for every test: a home of its own, and none of the user's settings."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from hypothesis import settings

from runs.home import Home

# The duration of an example depends more on the machine than on the code.
settings.register_profile("nastui", deadline=None, print_blob=True)
settings.load_profile("nastui")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-looks", action="store_true", help="write the looks of screens instead of comparing them")


def pytest_collection_finish() -> None:
    """Keep what the collection has made out of every later garbage collection: walking it took a tenth of the time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("NASTUI_"):
            monkeypatch.delenv(name)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """An empty home, to which ``NASTUI_HOME`` also points."""
    monkeypatch.setenv("NASTUI_HOME", str(tmp_path / "home"))
    return Home.locate()
