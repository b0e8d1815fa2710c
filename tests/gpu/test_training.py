"""Retraining and searching on a GPU with every setting that decides the speed."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from runs.log.events import Started
from tests.engine.conftest import imagenet, round_trip
from tests.engine.retraining import CELL, DRNAS, Retraining
from tests.engine.test_host_reads import begun

__all__ = ["imagenet"]
ARITHMETIC = [
    {},
    {"precision": "bfloat16"},
    {"tf32": False},
    {"channels_last": False},
    {"deterministic": False},
    {"deterministic": False, "precision": "bfloat16", "channels_last": False},
]
OF_DARTS = {"drop_path": 0.3, "cutout_length": 4}


def environment(run: Retraining) -> dict[str, Any]:
    (started,) = [event for event in run.said if isinstance(event, Started)]
    return started.environment


@pytest.mark.parametrize("options", ARITHMETIC, ids=str)
def test_a_network_trains_with_every_setting(options: dict[str, Any], device: str) -> None:
    run = Retraining(DRNAS, device=device, epochs=1, **OF_DARTS, **options)
    (report,) = run.reports()
    assert all(math.isfinite(value) for value in report.metrics.values())
    known = environment(run)
    assert known["device"] == device
    assert {name: known[name] for name in options if name in known} == {
        name: value for name, value in options.items() if name in known
    }
    if device != "cpu":
        assert known["cudnn_benchmark"] is (not options.get("deterministic", True))
        assert known["tf32"] is options.get("tf32", True)


@pytest.mark.parametrize("options", ARITHMETIC, ids=str)
@pytest.mark.parametrize(("method", "space"), [("drnas", "nasbench201"), ("pcdarts", "darts")])
def test_a_search_runs_with_every_setting(method: str, space: str, options: dict[str, Any], device: str) -> None:
    search = begun(method, space, "quick", device, **options)
    while (report := search.advance()) is None:
        pass
    assert all(math.isfinite(value) for value in report.metrics.values())
    assert report.metrics["search_accuracy"] >= 0


@pytest.mark.parametrize("options", [{}, {"precision": "bfloat16"}], ids=str)
@pytest.mark.parametrize("text", [CELL, DRNAS], ids=["nasbench201", "darts"])
def test_a_retraining_repeats_and_resumes_with_the_same_bits(text: str, options: dict[str, Any], device: str) -> None:
    def make() -> Retraining:
        return Retraining(text, device=device, **(OF_DARTS if text == DRNAS else {}), **options)

    whole, killed, resumed = make(), make(), make()
    killed.advance(3)
    resumed.trainer.load(round_trip(killed.trainer.state()))
    resumed.context.runtime.load(round_trip(killed.context.runtime.state()))
    assert [report.metrics for report in whole.reports()] == [report.metrics for report in resumed.reports()]
    found = resumed.trainer.weights()
    assert all(torch.equal(tensor, found[name]) for name, tensor in whole.trainer.weights().items())


@pytest.mark.timeout(600)
@pytest.mark.parametrize("options", [{}, {"precision": "bfloat16"}], ids=str)
def test_compiled_cells_train_like_others(options: dict[str, Any], device: str) -> None:
    if not any(map(shutil.which, ("cc", "gcc", "clang"))):
        pytest.skip("torch.compile needs a C compiler")
    from torch._dynamo.utils import counters

    counters.clear()
    losses = []
    for compiled in (False, True):
        # One step, because rounding grows from step to step.
        run = Retraining(CELL, device=device, compile=compiled, epochs=1, image_limit=32, **options)
        (report,) = run.reports()
        losses.append(report.metrics["train_loss"])
    assert counters["stats"]["unique_graphs"] > 0
    assert environment(run)["compile"] is True
    assert losses[1] == pytest.approx(losses[0], rel=0.05 if options else 0.01)


def test_streamed_images_reach_the_device(device: str, imagenet: Path) -> None:
    """Worker processes decode, and the batches travel through pinned memory."""
    options: dict[str, Any] = {"image_size": 32, "image_limit": 0, "batch_size": 6, "workers": 2, "epochs": 1}
    run = Retraining(DRNAS, device=device, dataset=str(imagenet), augmentation="imagenet", **options)
    (report,) = run.reports()
    assert all(math.isfinite(value) for value in report.metrics.values())
