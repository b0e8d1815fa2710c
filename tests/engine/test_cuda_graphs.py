"""When steps are captured as CUDA graphs, and when they are eager. See also ``test_recorded_*.py``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from engine.core import cuda_graphs
from engine.core.cuda_graphs import StepRunner
from runs.errors import NastuiError
from runs.log.events import Event, Warned


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


def test_three_eager_steps_then_one_capture_then_replays() -> None:
    training = Numbers()
    training.train(1, 2, 3, 4, 5)
    assert training.recorder.done == "feeecrr"
    assert training.total == 15  # each batch once


def test_a_new_epoch_begins_with_one_eager_step() -> None:
    training = Numbers()
    training.train(1, 2, 3, 4)
    training.steps.forget()
    training.train(5, 6, 7)
    assert training.recorder.done == "feeecrf" + "fecrr"
    assert training.total == 28


def test_a_new_network_begins_with_three() -> None:
    training = Numbers()
    training.train(1, 2, 3, 4)
    training.steps.forget(new_state=True)
    training.train(5, 6, 7, 8)
    assert training.recorder.done == "feeecrf" + "feeecr"


def test_an_epoch_too_short_for_a_capture_hands_its_steps_on() -> None:
    training = Numbers()
    training.train(1, 2)
    training.steps.forget()
    training.train(3, 4)
    assert training.recorder.done.replace("f", "") == "eeecr"


def test_another_kind_of_step_is_another_graph() -> None:
    """The batch grows: the graph is freed first, so that memory never holds two."""
    training = Numbers()
    training.train(1, 2, 3, 4, kind=32)
    training.train(5, 6, kind=48)
    assert training.recorder.done == "feeecr" + "fecr"


def test_a_step_without_a_kind_is_eager_and_frees_the_graph() -> None:
    training = Numbers()
    training.train(1, 2, 3, 4)
    training.train(5, kind=None)
    assert training.recorder.done == "feeecr" + "f"
    assert training.total == 15


def test_an_eager_step_out_of_memory_frees_what_there_is() -> None:
    training = Numbers()
    training.train(1, 2, 3, 4)

    def starved() -> None:
        raise torch.OutOfMemoryError("simulated")

    with pytest.raises(torch.OutOfMemoryError):
        training.steps.run(64, starved, training.abandon)
    training.train(5, 6, kind=32)
    assert training.recorder.done == "feeecr" + "fef" + "fecr"


def test_with_auto_a_failed_capture_is_told_and_all_steps_are_eager() -> None:
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


def test_with_on_a_failed_capture_is_an_error() -> None:
    training = Numbers()
    training.steps = StepRunner("on", Failing(training), training.events.append)
    with pytest.raises(NastuiError, match="operation not permitted") as caught:
        training.train(1, 2, 3, 4)
    assert "cuda_graphs=auto" in caught.value.hint


def test_other_errors_of_a_step_are_not_hidden() -> None:
    class Broken(Failing):
        def capture(self, step: Callable[[], None]) -> Callable[[], None]:
            raise KeyError("a mistake")

    training = Numbers()
    training.steps = StepRunner("auto", Broken(training), training.events.append)
    with pytest.raises(KeyError, match="a mistake"):
        training.train(1, 2, 3, 4)


@pytest.mark.parametrize(("wanted", "told"), [("auto", 0), ("on", 1), ("off", 0)])
def test_steps_that_are_ruled_out_are_told_only_to_who_asked_for_graphs(wanted: str, told: int) -> None:
    training = Numbers(wanted)
    training.steps.rule_out("2 processes exchange gradients")
    training.steps.rule_out("again")
    training.train(1, 2, 3, 4, 5)
    assert training.recorder.done.strip("f") == ""
    assert training.total == 15
    assert len(training.events) == told
    assert training.steps.extras()["cuda_graphs"].startswith("eager: ")


def test_on_a_cpu_nothing_is_captured_or_said() -> None:
    said: list[Event] = []
    steps = StepRunner("on", cuda_graphs.recorder(torch.device("cpu")), said.append)
    total = []
    for number in range(6):
        steps.run("whole", lambda number=number: total.append(number), lambda: None)  # type: ignore[misc]
    steps.rule_out("for a reason")
    assert total == list(range(6))
    assert not said
    assert steps.extras() == {}
