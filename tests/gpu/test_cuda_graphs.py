"""Steps captured as CUDA graphs on a GPU: they are captured, they train like eager steps, and they resume exactly.

What can be checked without a GPU is in ``tests/engine/test_cuda_graphs.py`` and ``test_recorded_*.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from engine.core.cuda_graphs import CudaRecorder, Step, StepRunner
from engine.method import EpochReport
from engine.search.loop import DifferentiableSearch
from runs.log.events import Event, Warned
from tests.engine.conftest import round_trip
from tests.engine.retraining import CELL, DRNAS, Retraining
from tests.engine.test_recorded_searches import reports, search, trained
from tests.engine.test_step_contract import CASES, EAGER

CAPTURED = [case for case in CASES if case[0] not in EAGER]
PRECISIONS = pytest.mark.parametrize("precision", ["float32", "bfloat16"])


@pytest.fixture(autouse=True)
def captures(cuda: torch.device, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Collect ``capture`` and ``replay`` for each that happens."""
    found: list[str] = []
    capture = CudaRecorder.capture

    def counting(recorder: CudaRecorder, step: Step) -> Step:
        found.append("capture")
        replay = capture(recorder, step)

        def counted() -> None:
            found.append("replay")
            replay()

        return counted

    monkeypatch.setattr(CudaRecorder, "capture", counting)
    yield found


def losses(found: list[EpochReport]) -> list[float]:
    return [report.metrics["train_loss"] for report in found]


def run(device: torch.device, graphs: str, method: str, space: str, **options: Any) -> tuple[Any, Any, Any]:
    """Return the losses of two epochs, everything trained, and the random state."""
    torch.manual_seed(0)
    found, said = search(method, space, device=str(device), cuda_graphs=graphs, **options)
    done = reports(found)
    failures = [event.message for event in said if isinstance(event, Warned) and event.kind == "cuda_graphs"]
    assert not failures
    return losses(done), trained(found), torch.cuda.get_rng_state(device)


@pytest.mark.parametrize(("method", "space", "options"), CAPTURED, ids=str)
def test_a_search_trains_to_the_same_bits(
    method: str, space: str, options: dict[str, Any], cuda: torch.device, captures: list[str]
) -> None:
    """In deterministic mode, which is the default; a replay draws the numbers that an eager step would draw."""
    eager_losses, eager, eager_random = run(cuda, "off", method, space, **options)
    assert not captures
    graph_losses, graphs, graph_random = run(cuda, "on", method, space, **options)
    assert captures.count("capture") == 2
    assert captures.count("replay") >= 4
    assert torch.equal(eager_random, graph_random)
    assert graph_losses == pytest.approx(eager_losses, rel=1e-3)
    torch.testing.assert_close(graphs, eager, rtol=1e-3, atol=1e-4)
    different = [name for name, value in eager.items() if not torch.equal(value, graphs[name])]
    assert not different, f"close, but not the same bits: {different[:3]}"


@PRECISIONS
@pytest.mark.parametrize("pieces", [1, 2])
@pytest.mark.parametrize("text", [CELL, DRNAS], ids=["nasbench201", "darts"])
def test_a_retraining_trains_to_the_same_bits(
    text: str, pieces: int, precision: str, cuda: torch.device, captures: list[str]
) -> None:
    options: dict[str, Any] = {"drop_path": 0.3} if text == DRNAS else {}
    found = []
    for graphs in ("off", "on"):
        training = Retraining(text, device=str(cuda), cuda_graphs=graphs, pieces=pieces, precision=precision, **options)
        found.append((losses(training.reports()), training.trainer.weights()))
    assert captures.count("capture") == 2
    assert captures.count("replay") >= 4
    (eager_losses, eager), (graph_losses, graphs) = found
    assert graph_losses == eager_losses
    assert all(torch.equal(value, graphs[name]) for name, value in eager.items())


@PRECISIONS
@pytest.mark.parametrize(("method", "space"), [("drnas", "nasbench201"), ("snas", "nasbench201"), ("ista", "darts")])
def test_a_search_resumes_to_the_same_bits(method: str, space: str, precision: str, cuda: torch.device) -> None:
    """It is stopped after a replay. When it goes on, the next steps are eager."""

    def make() -> DifferentiableSearch:
        found, _ = search(method, space, device=str(cuda), cuda_graphs="on", precision=precision)
        return found

    whole = make()
    for _ in range(5):
        whole.advance()
    saved = round_trip({"method": whole.state(), "runtime": whole.context.runtime.state()})
    rest = reports(whole)
    again = make()
    again.load(saved["method"])
    again.context.runtime.load(saved["runtime"])
    assert losses(reports(again)) == losses(rest)
    expected = trained(whole)
    assert all(torch.equal(value, expected[name]) for name, value in trained(again).items())


def test_a_failed_capture_leaves_torch_as_it_was(cuda: torch.device) -> None:
    """Here a step reads a result: stream, random numbers, memory and later captures are as if it had not been tried."""
    values = torch.zeros(4, device=cuda)
    said: list[Event] = []

    def reading() -> None:
        values.add_(torch.rand(4, device=cuda))
        values.sum().item()

    def expected(steps: int) -> torch.Tensor:
        torch.manual_seed(0)
        return sum((torch.rand(4, device=cuda) for _ in range(steps)), torch.zeros(4, device=cuda))

    total = expected(6)
    torch.manual_seed(0)
    stream = torch.cuda.current_stream(cuda)
    steps = StepRunner("auto", CudaRecorder(cuda), said.append)
    for _ in range(6):
        steps.run("kind", reading, lambda: None)
    (event,) = said
    assert isinstance(event, Warned)
    assert event.kind == "cuda_graphs"
    assert torch.cuda.current_stream(cuda) == stream
    assert torch.equal(values, total)
    torch.cuda.empty_cache()

    def adding() -> None:
        values.add_(torch.rand(4, device=cuda))

    values.zero_()
    torch.manual_seed(0)
    later = StepRunner("on", CudaRecorder(cuda), said.append)
    for _ in range(6):
        later.run("kind", adding, lambda: None)
    assert torch.equal(values, total)


def test_a_dropped_graph_returns_its_memory(cuda: torch.device) -> None:
    weights = torch.zeros(2**24, device=cuda)

    def step() -> None:
        weights.add_((weights + 1).exp() * 1e-6)

    steps = StepRunner("on", CudaRecorder(cuda))
    steps.forget()
    before = torch.cuda.memory_reserved(cuda)
    for _ in range(5):
        steps.run("kind", step, lambda: None)
    assert torch.cuda.memory_reserved(cuda) >= before + weights.nbytes
    steps.forget()
    assert torch.cuda.memory_reserved(cuda) < before + weights.nbytes / 2  # torch keeps a little for the generator
