"""Too little memory of the device: a retraining cuts its batches, a growing batch steps back, and both continue.

On a GPU the memory is really limited; a rehearsal on the CPU simulates the errors.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.methods.prdarts import method
from engine.spaces.darts.supernet import DartsSupernet
from runs.errors import EnvironmentLacksError
from runs.log.events import Warned
from tests.engine.conftest import Bench
from tests.engine.retraining import DRNAS, Retraining
from tests.engine.test_trainer import starve

SIZES = {"cpu": {"batch_size": 32, "image_limit": 64}, "cuda": {"batch_size": 256, "image_limit": 512}}


@contextmanager
def limited(work: Callable[[], object], share: float, device: str) -> Iterator[None]:
    """Leave only this share of the memory that some work reserved at its peak."""
    torch.cuda.init()
    gc.collect()
    torch.cuda.empty_cache()
    before = torch.cuda.memory_reserved(device)
    torch.cuda.reset_peak_memory_stats(device)
    work()
    peak = torch.cuda.max_memory_reserved(device) - before
    gc.collect()
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(device).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved(device) + share * peak) / total, device)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, device)


def retraining(device: str, **options: Any) -> Retraining:
    sizes = SIZES[torch.device(device).type]
    return Retraining(DRNAS, device=device, image_size=32, channels=8, **(sizes | options))


def test_a_batch_that_does_not_fit_is_halved(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(run: Retraining) -> None:
        report = run.epoch()
        assert "out_of_memory" in {event.kind for event in run.said if isinstance(event, Warned)}
        assert report.extras["pieces"] >= 2
        assert report.metrics["train_loss"] > 0

    if device == "cpu":
        run = retraining(device)
        starve(run, 16, monkeypatch)
        check(run)
        return
    with limited(lambda: retraining(device).advance(1), 0.7, device):
        check(retraining(device))


def test_the_run_can_stop_instead_and_name_the_batch_that_fits(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(run: Retraining) -> None:
        with pytest.raises(EnvironmentLacksError, match="images at once do not fit") as caught:
            run.epoch()
        assert "fit: set batch_size=" in caught.value.hint

    if device == "cpu":
        run = retraining(device, out_of_memory="stop")
        starve(run, 16, monkeypatch)
        check(run)
        return
    with limited(lambda: retraining(device).advance(1), 0.7, device):
        check(retraining(device, out_of_memory="stop"))


def growing(device: str, batch: int) -> Bench:
    sizes = {"channels": 2, "image_size": 8} if device == "cpu" else {"channels": 8, "image_size": 32}
    options = {"layers": 3, "epochs": 1, "stage_keep": "1", "stage_morphs": "0", "stage_frozen_epochs": "0"}
    of_batch = {"batch_size": batch, "batch_size_max": 8 * batch, "batch_multiple": 8, "image_limit": 32 * batch}
    return Bench(options | sizes | of_batch | {"memory_limit": 1000.0}, method="prdarts", device=device)


def test_a_growing_batch_steps_back(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is the memory of 32 images, so 128 do not fit, and 8 do."""
    monkeypatch.setattr(method, "GROWTH_STEPS", 1)

    def check(search: Bench) -> None:
        monkeypatch.setattr(search.runtime, "memory_share", lambda limit: 0.2)
        search.method.prepare()
        report = search.epoch()
        kinds = [event.kind for event in search.said if isinstance(event, Warned)]
        assert kinds[0] == "batch_grown"
        assert kinds[-1] == "batch_stepped_back"
        assert 8 <= report.extras["batch_size"] <= 64
        assert report.metrics["train_loss"] > 0

    if device == "cpu":
        forward = DartsSupernet.forward

        def starved(self: DartsSupernet, images: Tensor, mixing: Any) -> Tensor:
            if self.training and len(images) > 48:
                raise torch.OutOfMemoryError("simulated")
            return forward(self, images, mixing)

        monkeypatch.setattr(DartsSupernet, "forward", starved)
        check(growing(device, 8))
        return

    def first_step() -> None:
        growing(device, 32).method.advance()

    with limited(first_step, 1.2, device):
        check(growing(device, 8))
