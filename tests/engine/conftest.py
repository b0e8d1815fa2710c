"""A method without a process: its context on the embedded data, small enough for a second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.assembly import assemble
from engine.method import EpochReport
from engine.search.differentiable import DifferentiableSearch
from runs.configuration import Draft, resolve
from runs.events import Event

SMALL = {"epochs": 2, "channels": 4, "image_limit": 200, "batch_size": 32, "threads": 1}


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


class Bench:
    """A search in this process, DrNAS if no other is named, with what it said."""

    def __init__(
        self,
        options: dict[str, Any],
        seed: int = 0,
        method: str = "drnas",
        preset: str = "quick",
        space: str | None = None,
    ) -> None:
        draft = Draft(method=method, space=space, preset=preset, device="cpu", seed=seed, options=SMALL | options)
        self.said: list[Event] = []
        context, method = assemble(resolve(draft), Path(), self.said.append)
        self.runtime = context.runtime
        assert isinstance(method, DifferentiableSearch)
        self.method = method

    def epoch(self) -> EpochReport:
        """Work to the end of the epoch in progress."""
        while (report := self.method.advance()) is None:
            pass
        return report

    def reports(self) -> list[EpochReport]:
        """Work to the end of the run."""
        return [self.epoch() for _ in range(self.method.epoch, self.method.epochs)]


@pytest.fixture
def bench() -> Callable[..., Bench]:
    """Make searches of these options; ``method``, ``preset`` and ``space`` name others."""

    def make(
        seed: int = 0, *, method: str = "drnas", preset: str = "quick", space: str | None = None, **options: Any
    ) -> Bench:
        return Bench(options, seed, method, preset, space)

    return make
