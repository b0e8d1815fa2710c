"""Steps as CUDA graphs: when they are captured, and that they then train as before. All of it on a CPU."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.assembly import assemble
from engine.core import cuda_graphs
from engine.core.cuda_graphs import StepRunner
from engine.method import EpochReport
from engine.methods.ista.sparse_coding import recovery
from engine.search.loop import DifferentiableSearch
from runs import catalogue
from runs.configuration import Draft, resolve
from runs.errors import NastuiError
from runs.log.events import Event, Warned
from tests.engine.conftest import Bench, check_resumes, round_trip, same
from tests.engine.retraining import CELL, DRNAS, Retraining
from tests.engine.tape import TapeRecorder, prepare_as_on_a_gpu
from tests.engine.test_step_contract import CASES, EAGER

# Two epochs of 5 whole batches and a short one, which is eager: what a recorder then has to do.
FIRST, NEXT = "eeecrr", "ecrrrr"
SMALL = {
    "channels": 12,
    "cells": 1,
    "layers": 3,
    "image_limit": 88,
    "image_size": 8,
    "batch_size": 8,
    "threads": 1,
    "epochs": 2,
    "arch_frozen_epochs": 0,
    "stage_frozen_epochs": "0",
    "evaluated_epochs": 1,
}

# The updates of these methods do not know the space, and steps in the darts space take ten times as long. Other methods
# record its supernet.
RECORDED = [
    (method, "nasbench201" if method in {"darts", "snas"} else space, options)
    for method, space, options in CASES
    if method not in EAGER
]


class Numbers:
    """A training that counts its steps. Each adds to a total what the host has prepared."""

    def __init__(self, wanted: Any = "auto", recorder: Any = None) -> None:
        self.recorder = recorder or Logged(self)
        self.events: list[Event] = []
        self.steps = StepRunner(wanted, self.recorder, self.events.append)
        self.prepared = self.total = 0
        self.left_gradients = False

    def train(self, *prepared: int, kind: object = "whole") -> None:
        for self.prepared in prepared:
            self.steps.run(kind, self.step, self.abandon)

    def step(self) -> None:
        assert not self.left_gradients
        self.total += self.prepared

    def abandon(self) -> None:
        self.left_gradients = False


class Logged:
    """Captures a step of :class:`Numbers` by remembering it; counts like :class:`TapeRecorder`."""

    def __init__(self, training: Numbers) -> None:
        self.training, self.done = training, ""

    def warm_up(self, step: Callable[[], None]) -> None:
        self.done += "e"
        step()

    def capture(self, step: Callable[[], None]) -> Callable[[], None]:
        self.done += "c"

        def replay() -> None:
            self.done += "r"
            step()

        return replay

    def release(self) -> None:
        self.done += "f"


class Failing(Logged):
    """Cannot capture."""

    def capture(self, step: Callable[[], None]) -> Callable[[], None]:
        self.done += "c"
        self.training.left_gradients = True
        raise RuntimeError("operation not permitted when stream is capturing\nCompile with TORCH_USE_CUDA_DSA.")


class TestRunner:
    def test_three_eager_steps_then_one_capture_then_replays(self) -> None:
        training = Numbers()
        training.train(1, 2, 3, 4, 5)
        assert training.recorder.done == "feeecrr"
        assert training.total == 15  # each batch once

    def test_a_new_epoch_begins_with_one_eager_step(self) -> None:
        training = Numbers()
        training.train(1, 2, 3, 4)
        training.steps.forget()
        training.train(5, 6, 7)
        assert training.recorder.done == "feeecrf" + "fecrr"
        assert training.total == 28

    def test_a_new_network_begins_with_three(self) -> None:
        training = Numbers()
        training.train(1, 2, 3, 4)
        training.steps.forget(new_state=True)
        training.train(5, 6, 7, 8)
        assert training.recorder.done == "feeecrf" + "feeecr"

    def test_an_epoch_too_short_for_a_capture_hands_its_steps_on(self) -> None:
        training = Numbers()
        training.train(1, 2)
        training.steps.forget()
        training.train(3, 4)
        assert training.recorder.done.replace("f", "") == "eeecr"

    def test_another_kind_of_step_is_another_graph(self) -> None:
        """The batch grows: the graph is freed first, so that memory never holds two."""
        training = Numbers()
        training.train(1, 2, 3, 4, kind=32)
        training.train(5, 6, kind=48)
        assert training.recorder.done == "feeecr" + "fecr"

    def test_a_step_without_a_kind_is_eager_and_frees_the_graph(self) -> None:
        training = Numbers()
        training.train(1, 2, 3, 4)
        training.train(5, kind=None)
        assert training.recorder.done == "feeecr" + "f"
        assert training.total == 15

    def test_an_eager_step_out_of_memory_frees_what_there_is(self) -> None:
        training = Numbers()
        training.train(1, 2, 3, 4)

        def starved() -> None:
            raise torch.OutOfMemoryError("simulated")

        with pytest.raises(torch.OutOfMemoryError):
            training.steps.run(64, starved, training.abandon)
        training.train(5, 6, kind=32)
        assert training.recorder.done == "feeecr" + "fef" + "fecr"

    def test_with_auto_a_failed_capture_is_told_and_all_steps_are_eager(self) -> None:
        training = Numbers()
        training.recorder = recorder = Failing(training)
        training.steps = StepRunner("auto", recorder, training.events.append)
        training.train(1, 2, 3, 4, 5)
        assert recorder.done == "feeecf"  # not tried again
        assert training.total == 15
        (event,) = training.events
        assert isinstance(event, Warned)
        assert event.kind == "cuda_graphs"
        assert event.message.endswith("failed: operation not permitted when stream is capturing")
        assert training.steps.extras() == {"cuda_graphs": "eager: operation not permitted when stream is capturing"}

    def test_with_on_a_failed_capture_is_an_error(self) -> None:
        training = Numbers()
        training.steps = StepRunner("on", Failing(training), training.events.append)
        with pytest.raises(NastuiError, match="operation not permitted") as caught:
            training.train(1, 2, 3, 4)
        assert "cuda_graphs=auto" in caught.value.hint

    def test_other_errors_of_a_step_are_not_hidden(self) -> None:
        class Broken(Failing):
            def capture(self, step: Callable[[], None]) -> Callable[[], None]:
                raise KeyError("a mistake")

        training = Numbers()
        training.steps = StepRunner("auto", Broken(training), training.events.append)
        with pytest.raises(KeyError, match="a mistake"):
            training.train(1, 2, 3, 4)

    @pytest.mark.parametrize(("wanted", "told"), [("auto", 0), ("on", 1), ("off", 0)])
    def test_steps_that_are_ruled_out_are_told_only_to_who_asked_for_graphs(self, wanted: str, told: int) -> None:
        training = Numbers(wanted)
        training.steps.rule_out("2 processes exchange gradients")
        training.steps.rule_out("again")
        training.train(1, 2, 3, 4, 5)
        assert training.recorder.done.strip("f") == ""
        assert training.total == 15
        assert len(training.events) == told
        assert training.steps.extras()["cuda_graphs"].startswith("eager: ")

    def test_on_a_cpu_nothing_is_captured_or_said(self) -> None:
        said: list[Event] = []
        steps = StepRunner("on", cuda_graphs.recorder(torch.device("cpu")), said.append)
        total = []
        for number in range(6):
            steps.run("whole", lambda number=number: total.append(number), lambda: None)  # type: ignore[misc]
        steps.rule_out("for a reason")
        assert total == list(range(6))
        assert not said
        assert steps.extras() == {}


class TestTape:
    """The tape itself is as unforgiving as a graph."""

    def test_it_repeats_the_addresses_and_numbers_of_its_recording(self) -> None:
        images, total, number = torch.ones(2), torch.zeros(2), 1.0

        def step() -> None:
            total.add_(images * number)

        replay = TapeRecorder().capture(step)
        assert total.tolist() == [0, 0]  # nothing was executed
        number = 5.0
        images.fill_(3.0)
        replay()
        assert total.tolist() == [3, 3]
        images = torch.zeros(2)
        replay()
        assert total.tolist() == [6, 6]

    def test_it_draws_anew_in_each_replay_and_not_when_recorded(self) -> None:
        drawn, before = torch.zeros(3), torch.get_rng_state()

        def step() -> None:
            drawn.add_(torch.rand(3))

        replay = TapeRecorder().capture(step)
        assert torch.equal(torch.get_rng_state(), before)
        replay()
        replay()
        torch.set_rng_state(before)
        assert torch.equal(drawn, torch.zeros(3) + torch.rand(3) + torch.rand(3))

    def test_it_refuses_a_step_that_reads_a_result(self) -> None:
        def step() -> None:
            assert torch.ones(2).sum().item() == 2

        with pytest.raises(RuntimeError, match="not permitted"):
            TapeRecorder().capture(step)


def search(method: str, space: str, device: str = "cpu", **options: Any) -> tuple[DifferentiableSearch, list[Event]]:
    """Return a small search with those of the options that its method has, and its events."""
    known = catalogue.options(catalogue.method(method), catalogue.space(space)).model_fields
    given = {key: value for key, value in (SMALL | options).items() if key in known}
    if method == "prdarts":
        del given["epochs"]  # its nine stages have their own
    if method == "pdarts":
        given["epochs"] = 6  # its first stage has two, with different dropout
    draft = Draft(method=method, space=space, preset="quick", dataset="digits", device=device, options=given)
    said: list[Event] = []
    _, found = assemble(resolve(draft), Path(), said.append)
    assert isinstance(found, DifferentiableSearch)
    found.prepare()
    return found, said


def reports(of: DifferentiableSearch, epochs: int = 2) -> list[EpochReport]:
    """Work through some epochs."""
    found: list[EpochReport] = []
    while len(found) < epochs:
        if (report := of.advance()) is not None:
            found.append(report)
    return found


def trained(of: DifferentiableSearch) -> dict[str, torch.Tensor]:
    """Return copies of everything that the search trains."""
    state = of.current
    return {
        f"{part}.{name}": value.clone()
        for part, module in (("supernet", state.supernet), ("architecture", state.architecture))
        for name, value in module.state_dict().items()
    }


def without_status(report: EpochReport) -> EpochReport:
    report.extras.pop("cuda_graphs", None)
    return report


@pytest.fixture
def _no_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let recoveries of sparse codes, whose duration is reported, take no time."""
    monkeypatch.setattr(recovery.time, "perf_counter", lambda: 0.0)


@pytest.mark.usefixtures("_no_clock")
class TestSearches:
    @pytest.mark.parametrize(("method", "space", "options"), RECORDED, ids=str)
    def test_recorded_steps_train_to_the_same_bits(
        self, method: str, space: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # One epoch is enough where nothing changes with it; the large supernets take a second for each step.
        epochs = 2 if space == "nasbench201" or method in {"pdarts", "ista", "ista_onestage"} else 1
        found = []
        for recorder in (None, TapeRecorder()):
            prepare_as_on_a_gpu(monkeypatch, recorder)
            torch.manual_seed(0)
            run, said = search(method, space, **options)
            said_by_epochs = [without_status(report) for report in reports(run, epochs)]
            assert not [event for event in said if isinstance(event, Warned) and event.kind == "cuda_graphs"]
            found.append((said_by_epochs, trained(run), torch.get_rng_state()))
        (eager_reports, eager, eager_random), (taped_reports, taped, taped_random) = found
        assert isinstance(recorder, TapeRecorder)
        assert recorder.done.count("c") == epochs
        assert recorder.done.count("r") >= 2 * epochs
        assert all(map(same, eager_reports, taped_reports))
        assert eager.keys() == taped.keys()
        assert all(torch.equal(eager[name], taped[name]) for name in eager)
        assert torch.equal(eager_random, taped_random)

    def test_each_epoch_is_captured_anew_and_short_batches_are_eager(self, monkeypatch: pytest.MonkeyPatch) -> None:
        recorder = TapeRecorder()
        prepare_as_on_a_gpu(monkeypatch, recorder)
        run, _ = search("drnas", "nasbench201")
        found = reports(run)
        assert recorder.done.replace("f", "") == FIRST + NEXT
        assert recorder.done.endswith("rf" + "f")  # before the short batch, and after the pass
        assert [report.extras["cuda_graphs"] for report in found] == ["captured", "captured"]

    @pytest.mark.parametrize(("method", "space"), [("gdas", "nasbench201"), ("nasp", "darts_nasp")])
    def test_methods_that_choose_on_the_host_stay_eager(
        self, method: str, space: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        recorder = TapeRecorder()
        prepare_as_on_a_gpu(monkeypatch, recorder)
        run, said = search(method, space, cuda_graphs="on")
        (report,) = reports(run, 1)
        assert recorder.done.strip("f") == ""
        assert report.extras["cuda_graphs"].startswith("eager: this method chooses")
        assert [event.kind for event in said if isinstance(event, Warned)] == ["cuda_graphs"]

    def test_a_failed_capture_changes_no_result(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It may stop anywhere in the step, here at a read in the middle, and leave gradients behind."""
        found = []
        for recorder in (None, TapeRecorder()):
            prepare_as_on_a_gpu(monkeypatch, recorder)
            torch.manual_seed(0)
            run, said = search("drnas", "nasbench201")
            step = run.components.update.step

            def reading(context: Any, step: Callable[[Any], None] = step) -> None:
                clip = context.clip_weights

                def read_and_clip(parameters: Any) -> None:
                    assert parameters[0].grad.sum().item() != 0.5
                    clip(parameters)

                with monkeypatch.context() as patch:
                    patch.setattr(context, "clip_weights", read_and_clip)
                    step(context)

            monkeypatch.setattr(run.components.update, "step", reading)
            (report,) = reports(run, 1)
            found.append((without_status(report), trained(run)))
        (event,) = [event for event in said if isinstance(event, Warned)]
        assert event.kind == "cuda_graphs"
        assert isinstance(recorder, TapeRecorder)
        assert recorder.done.replace("f", "") == "eeec"
        assert same(found[0][0], found[1][0])
        assert all(torch.equal(found[0][1][name], found[1][1][name]) for name in found[0][1])

    def test_a_batch_that_does_not_fit_is_trained_as_without_graphs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its size changes within an epoch: every size is another graph."""
        options = {"batch_size_max": 16, "batch_multiple": 4, "memory_limit": 1.0, "image_limit": 400}
        found = []
        for recorder in (None, TapeRecorder()):
            prepare_as_on_a_gpu(monkeypatch, recorder)
            torch.manual_seed(0)
            run, said = search("prdarts", "prdarts", **options)
            supernet, runtime = run.current.supernet, run.context.runtime
            forward = supernet.forward

            def limited(images: torch.Tensor, *rest: Any, supernet: Any = supernet, forward: Any = forward) -> Any:
                if supernet.training and len(images) > 12:
                    raise torch.OutOfMemoryError("simulated")
                return forward(images, *rest)

            monkeypatch.setattr(supernet, "forward", limited)
            monkeypatch.setattr(runtime, "memory_share", lambda limit, run=run: run.current.batch_size / 16.9)
            (report,) = reports(run, 1)
            found.append((without_status(report), trained(run)))
        kinds = [event.kind for event in said if isinstance(event, Warned)]
        assert kinds.count("batch_grown") == 1
        assert kinds.count("batch_stepped_back") == 1
        assert isinstance(recorder, TapeRecorder)
        assert recorder.done.count("c") == 2
        assert same(found[0][0], found[1][0])
        assert all(torch.equal(found[0][1][name], found[1][1][name]) for name in found[0][1])

    @pytest.mark.parametrize(
        ("method", "space", "options"),
        [
            ("drnas", "nasbench201", {"stage_operations": "5,3", "stage_partial": "2,1", "arch_frozen_epochs": 0}),
            ("snas", "nasbench201", {}),
            ("ista", "darts", {"layers": 3}),
        ],
        ids=str,
    )
    def test_an_interrupted_search_resumes_to_the_same_bits(
        self, method: str, space: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """After a resume other steps are eager than in the run that was not interrupted."""
        recorder = TapeRecorder()
        prepare_as_on_a_gpu(monkeypatch, recorder)
        small = {"image_size": 8, "batch_size": 8, "image_limit": 88, "channels": 4, **options}

        done_before: list[str] = []

        def make(**options: Any) -> Bench:
            made = Bench(options, 0, method, "quick", space)
            if not done_before:
                made.method.prepare()
            done_before.append(recorder.done)
            return made

        check_resumes(make, small, [2, 5, 11])
        _, whole, *_ = done_before
        assert whole.count("r") >= 4
        assert recorder.done.count("r") > whole.count("r")  # after a resume, too


class TestTraining:
    # Each two of them in all combinations.
    @pytest.mark.parametrize(
        ("pieces", "drop_path", "auxiliary"), [(1, 0.3, True), (1, 0.0, False), (2, 0.3, False), (2, 0.0, True)]
    )
    def test_recorded_steps_train_to_the_same_bits(
        self, pieces: int, drop_path: float, auxiliary: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        options: dict[str, Any] = {"auxiliary": auxiliary, "drop_path": drop_path, "pieces": pieces}
        self.check_same(DRNAS, options | {"image_limit": 164, "image_size": 8}, monkeypatch)

    def test_networks_of_the_benchmark_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.check_same(CELL, {"image_limit": 164, "label_smoothing": 0.1}, monkeypatch)

    def check_same(self, text: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
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

    def test_a_batch_that_does_not_fit_is_captured_in_pieces(self, monkeypatch: pytest.MonkeyPatch) -> None:
        recorder = TapeRecorder()
        prepare_as_on_a_gpu(monkeypatch, recorder)
        run = Retraining(DRNAS, image_limit=164, image_size=8)
        forward = run.trainer.network.forward

        def limited(images: torch.Tensor, *rest: Any) -> Any:
            if run.trainer.network.training and len(images) > 16:
                raise torch.OutOfMemoryError("simulated")
            return forward(images, *rest)

        monkeypatch.setattr(run.trainer.network, "forward", limited)
        assert run.epoch().extras["pieces"] == 2
        assert recorder.done.replace("f", "") == "e" + FIRST

    def test_compiled_cells_are_not_captured(self, monkeypatch: pytest.MonkeyPatch) -> None:
        recorder = TapeRecorder()
        prepare_as_on_a_gpu(monkeypatch, recorder)
        monkeypatch.setattr(torch.nn.Module, "compile", lambda *_, **__: None)
        run = Retraining(DRNAS, compile=True, epochs=1)
        assert run.epoch().extras["cuda_graphs"] == "eager: compiled cells are not captured"
        assert recorder.done.strip("f") == ""

    def test_an_interrupted_training_resumes_to_the_same_bits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        recorder = TapeRecorder()
        prepare_as_on_a_gpu(monkeypatch, recorder)
        options: dict[str, Any] = {"drop_path": 0.3, "image_limit": 164, "image_size": 8}
        whole = Retraining(DRNAS, **options)
        whole.advance(4)
        state, machine = round_trip(
            {"method": whole.trainer.state(), "runtime": whole.context.runtime.state()}
        ).values()
        reports = whole.reports()
        again = Retraining(DRNAS, **options)
        again.trainer.load(state)
        again.context.runtime.load(machine)
        assert again.reports() == reports
        torch.testing.assert_close(again.trainer.weights(), whole.trainer.weights(), rtol=0, atol=0)
