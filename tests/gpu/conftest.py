"""Tests of a CUDA device. Without one they are skipped by name.

``NASTUI_TEST_DEVICE=cpu pytest tests/gpu`` runs them on the CPU instead, which proves the tests themselves;
``NASTUI_TEST_DEVICE=pretended`` on a pretended GPU, which finds what is on the wrong device: see :mod:`pretended`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from runs.home import Home
from tests.end_to_end.conftest import Cli, commands
from tests.gpu.pretended import pretended_gpu

# Read here, because a fixture removes the user's settings from the environment of every test.
DEVICE = os.environ.get("NASTUI_TEST_DEVICE", "cuda:0")
PRETENDED = DEVICE == "pretended"
if PRETENDED:
    DEVICE = "cuda:0"
# As the engine sets it before CUDA starts; a test may start CUDA without an engine.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
PRESENT = PRETENDED or DEVICE == "cpu" or torch.cuda.is_available()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = "needs a CUDA device; NASTUI_TEST_DEVICE=cpu runs it on the CPU"
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.gpu)
            if not PRESENT:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
def device() -> str:
    """The name of the device under test: a GPU, or the CPU in a rehearsal."""
    return DEVICE


@pytest.fixture
def cuda() -> torch.device:
    """The GPU under test; a rehearsal skips the test, as it makes no sense on a CPU."""
    if PRETENDED or DEVICE == "cpu":
        pytest.skip("a rehearsal has no GPU to ask")
    return torch.device(DEVICE)


@pytest.fixture
def cli(home: Home, tmp_path: Path) -> Iterator[Cli]:
    """Commands in a fresh home, each in a new interpreter."""
    with commands(tmp_path) as found:
        found.afresh = True
        yield found


@pytest.fixture(autouse=True)
def _pretended_device() -> Iterator[None]:
    with pretended_gpu() if PRETENDED else contextlib.nullcontext():
        yield


@pytest.fixture(autouse=True)
def _clean_device(_pretended_device: None) -> Iterator[None]:
    """Return the device's memory after each test, and undo settings of the whole process."""
    yield
    torch.set_deterministic_debug_mode("default")
    if DEVICE != "cpu":
        torch.cuda.set_sync_debug_mode("default")
        torch.cuda.empty_cache()
