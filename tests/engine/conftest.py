"""A method without a process: its context on the embedded data, small enough for a second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.data import sources
from engine.data.images import ImageSet
from engine.loading import attribute
from engine.method import Context, EpochReport
from engine.runtime import Runtime
from engine.search.differentiable import DifferentiableSearch
from runs import catalogue
from runs.configuration import Draft, resolve
from runs.events import Event

SMALL = {"epochs": 2, "channels": 4, "image_limit": 200, "batch_size": 32, "threads": 1}


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


class Bench:
    """A DrNAS search in this process, with what it said."""

    def __init__(self, options: dict[str, Any], seed: int = 0) -> None:
        draft = Draft(method="drnas", preset="quick", device="cpu", seed=seed, options=SMALL | options)
        self.config = resolve(draft)
        settings: Any = self.config.settings()
        self.runtime = Runtime(
            device="cpu",
            seed=seed,
            threads=1,
            precision=settings.precision,
            channels_last=settings.channels_last,
        )
        self.dataset = catalogue.dataset("digits")
        entry = catalogue.space("nasbench201")
        self.space = attribute(entry.engine)(entry, settings, 10)
        self.said: list[Event] = []
        context = Context(self.config, settings, self.dataset, self._images, self.space, self.runtime, self.said.append)
        self.method: DifferentiableSearch = attribute(catalogue.method("drnas").engine)(context)

    def _images(self, part: str) -> ImageSet:
        loaded = sources.load(self.dataset, Path(), part, 16)
        return loaded.limited(SMALL["image_limit"], self.runtime.generator("image limit"))

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
    """Make searches of these options."""

    def make(seed: int = 0, **options: Any) -> Bench:
        return Bench(options, seed)

    return make
