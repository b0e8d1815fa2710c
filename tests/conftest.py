"""Fixtures for every test: a home of its own, and none of the user's settings."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

from runs.home import Home

# The duration of an example depends more on the machine than on the code.
settings.register_profile("nastui", deadline=None, print_blob=True)
settings.load_profile("nastui")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-looks", action="store_true", help="write the looks of screens instead of comparing them")


class GarbageCollections:
    """Makes garbage collections rarer, and keeps what lasts as long as the tests out of them.

    That is imported modules, most of all. Walking those that the collection of tests imports took a tenth of the time
    of all tests; those of torch that the first optimiser imports, a tenth of the time of the engine's tests.
    """

    MANY = 100  # modules; walking them takes as long as a short test
    RARELY = 5000  # more objects than there were; Python's 700 cost another twentieth of the time

    def __init__(self) -> None:
        self._modules = 0

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        gc.disable()
        try:
            return (yield)
        finally:
            gc.enable()
            gc.set_threshold(self.RARELY, 10, 10)
            self._freeze()

    def pytest_runtest_logfinish(self) -> None:
        if len(sys.modules) >= self._modules + self.MANY:
            self._freeze()

    def _freeze(self) -> None:
        self._modules = len(sys.modules)
        gc.collect()
        gc.freeze()


def pytest_xdist_auto_num_workers() -> int:
    """Return how many processes ``-n auto`` starts: one more than there are cores, as many tests wait for engines."""
    return (os.cpu_count() or 1) + 1


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(GarbageCollections())


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
