"""Retrainings whose steps are recorded, as a CUDA graph records them, train as before. All of it on a CPU."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.engine.conftest import round_trip
from tests.engine.retraining import CELL, DRNAS, Retraining
from tests.engine.tape import FIRST, NEXT, TapeRecorder, prepare_as_on_a_gpu, without_status

# Two epochs of 5 whole batches and a short one.
SMALL: dict[str, Any] = {"image_limit": 44, "batch_size": 8}


# Each two of them in all combinations.
@pytest.mark.parametrize(
    ("pieces", "drop_path", "auxiliary"), [(1, 0.3, True), (1, 0.0, False), (2, 0.3, False), (2, 0.0, True)]
)
def test_recorded_steps_train_to_the_same_bits(
    pieces: int, drop_path: float, auxiliary: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"auxiliary": auxiliary, "drop_path": drop_path, "pieces": pieces}
    check_same(DRNAS, options | SMALL | {"image_size": 8}, monkeypatch)


def test_networks_of_the_benchmark_too(monkeypatch: pytest.MonkeyPatch) -> None:
    check_same(CELL, SMALL | {"label_smoothing": 0.1}, monkeypatch)


def check_same(text: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare recorded with eager steps over two epochs of 5 whole batches and a short one."""
    found = []
    for recorder in (None, TapeRecorder()):
        prepare_as_on_a_gpu(monkeypatch, recorder)
        torch.manual_seed(0)
        run = Retraining(text, **options)
        found.append(([without_status(report) for report in run.reports()], run.trainer.state()))
    assert isinstance(recorder, TapeRecorder)
    assert recorder.done.replace("f", "") == FIRST + NEXT
    (eager, state), (taped, other) = found
    assert eager == taped
    for name in ("network", "gradients"):
        torch.testing.assert_close(state[name], other[name], rtol=0, atol=0)


def test_a_batch_that_does_not_fit_is_captured_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = TapeRecorder()
    prepare_as_on_a_gpu(monkeypatch, recorder)
    run = Retraining(DRNAS, image_size=8, **SMALL)
    forward = run.trainer.network.forward

    def limited(images: torch.Tensor, *rest: Any) -> Any:
        if run.trainer.network.training and len(images) > 4:
            raise torch.OutOfMemoryError("simulated")
        return forward(images, *rest)

    monkeypatch.setattr(run.trainer.network, "forward", limited)
    assert run.epoch().extras["pieces"] == 2
    assert recorder.done.replace("f", "") == "e" + FIRST


def test_compiled_cells_are_not_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = TapeRecorder()
    prepare_as_on_a_gpu(monkeypatch, recorder)
    monkeypatch.setattr(torch.nn.Module, "compile", lambda *_, **__: None)
    run = Retraining(DRNAS, compile=True, epochs=1)
    assert run.epoch().extras["cuda_graphs"] == "eager: compiled cells are not captured"
    assert recorder.done.strip("f") == ""


def test_an_interrupted_training_resumes_to_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = TapeRecorder()
    prepare_as_on_a_gpu(monkeypatch, recorder)
    options: dict[str, Any] = SMALL | {"drop_path": 0.3, "image_size": 8}
    whole = Retraining(DRNAS, **options)
    whole.advance(4)
    state, machine = round_trip({"method": whole.trainer.state(), "runtime": whole.context.runtime.state()}).values()
    reports = whole.reports()
    again = Retraining(DRNAS, **options)
    again.trainer.load(state)
    again.context.runtime.load(machine)
    assert again.reports() == reports
    torch.testing.assert_close(again.trainer.weights(), whole.trainer.weights(), rtol=0, atol=0)
