"""A method without an engine process: its context on the embedded data, small enough to run in a second."""

from __future__ import annotations

import dataclasses
import io
import itertools
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from engine.assembly import assemble
from engine.method import EpochReport
from engine.search.loop import DifferentiableSearch
from runs.configuration import Draft, resolve
from runs.log.events import Event

SMALL = {"epochs": 2, "channels": 4, "image_limit": 200, "batch_size": 32, "threads": 1}


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def float64() -> Iterator[None]:
    """Compute in float64, from fixed random numbers."""
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


class Bench:
    """A search in this process (DrNAS by default), with its events."""

    def __init__(
        self,
        options: dict[str, Any],
        seed: int = 0,
        method: str = "drnas",
        preset: str = "quick",
        space: str | None = None,
        device: str = "cpu",
    ) -> None:
        draft = Draft(method=method, space=space, preset=preset, device=device, seed=seed, options=SMALL | options)
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


def same(first: EpochReport, second: EpochReport) -> bool:
    """Return whether two epochs report the same, bit by bit."""
    return dataclasses.asdict(first) == dataclasses.asdict(second)


def round_trip(state: dict[str, Any]) -> dict[str, Any]:
    """Return a state after writing and reading it as a checkpoint does."""
    stream = io.BytesIO()
    torch.save(state, stream)
    stream.seek(0)
    loaded: dict[str, Any] = torch.load(stream, weights_only=True)
    return loaded


def check_resumes(make: Callable[..., Bench], options: dict[str, Any], units: Collection[int]) -> list[EpochReport]:
    """Check that a run interrupted after each of these numbers of units resumes exactly like one that goes on.

    What resumes at one of them works up to the next, where its state must be that of the uninterrupted run, from which
    the next one resumes; the last one works to the end of the run. Return the reports of the run that goes on.
    """
    whole = make(**options)
    reports: dict[int, EpochReport] = {}
    saved = {}
    done = 0
    while whole.method.epoch < whole.method.epochs:
        if done in units:
            saved[done] = saved_state(whole)
        if report := whole.method.advance():
            reports[done] = report
        done += 1
    assert saved.keys() == set(units)
    for begin, end in itertools.pairwise([*saved, done]):
        again = make(**options)
        again.method.load(saved[begin]["method"])
        again.runtime.load(saved[begin]["runtime"])
        for unit in range(begin, end):
            report = again.method.advance()
            assert (report is None) == (unit not in reports)
            assert report is None or same(report, reports[unit])
        if end in saved:
            check_same_state(saved_state(again), saved[end])
    assert again.method.epoch == again.method.epochs
    weights, found = whole.method.weights(), again.method.weights()
    assert weights.keys() == found.keys()
    assert all(torch.equal(weights[name], found[name]) for name in weights)
    return list(reports.values())


def saved_state(of: Bench) -> dict[str, Any]:
    """Return the state of a search as a checkpoint has it."""
    return round_trip({"method": of.method.state(), "runtime": of.runtime.state()})


def check_same_state(first: Any, second: Any, path: str = "state") -> None:
    """Check that two parts of a state are the same, bit by bit."""
    if isinstance(first, torch.Tensor) and isinstance(second, torch.Tensor):
        assert first.dtype == second.dtype, path
        assert torch.equal(first.cpu(), second.cpu()), path
        return
    assert type(first) is type(second), path
    if isinstance(first, dict):
        assert first.keys() == second.keys(), path
        for key, value in first.items():
            check_same_state(value, second[key], f"{path}.{key}")
    elif isinstance(first, list | tuple):
        assert len(first) == len(second), path
        for place, pair in enumerate(zip(first, second, strict=True)):
            check_same_state(*pair, f"{path}.{place}")
    else:
        assert first == second, path


@pytest.fixture
def bench() -> Callable[..., Bench]:
    """Return a function that makes searches with these options; ``method``, ``preset`` and ``space`` select others."""

    def make(
        seed: int = 0, *, method: str = "drnas", preset: str = "quick", space: str | None = None, **options: Any
    ) -> Bench:
        return Bench(options, seed, method, preset, space)

    return make


@pytest.fixture(scope="session")
def imagenet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in ImageNet's layout: 14 training images of odd sizes, one grey, one CMYK; 12 test images."""
    root = tmp_path_factory.mktemp("imagenet")
    random = np.random.default_rng(0)
    for part in ("train", "val"):
        for name in ("n01", "n02", "n03"):
            (root / part / name).mkdir(parents=True)
            for place in range(4):
                height, width = random.integers(30, 90, 2)
                coarse = Image.fromarray(random.integers(0, 256, (5, 5, 3), dtype=np.uint8))
                coarse.resize((int(width), int(height))).save(root / part / name / f"{name}_{place}.JPEG")
    Image.new("L", (50, 40), 90).save(root / "train" / "n01" / "grey.jpeg")
    Image.new("CMYK", (40, 50), (10, 200, 30, 5)).save(root / "train" / "n03" / "cmyk.jpg")
    return root
