"""Runs training steps as CUDA graphs: captured once, then replayed without Python and without single kernel launches.

:class:`StepRunner` decides which steps are captured. :class:`CudaRecorder` captures them, and is the only code of the
training that touches ``torch.cuda.CUDAGraph``; tests replace it on a CPU. :mod:`engine.search.step` says what a step
must not do, and docs/performance.md, "CUDA graphs", what is captured.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Literal, Protocol

import torch

from runs.errors import NastuiError
from runs.log.events import Event, Warned

# Eager steps before a capture. The first ones of a network load kernels and choose algorithms; one is always needed,
# as it creates what the optimisers keep of parameters that have just begun to be trained.
FIRST_STEPS, NEXT_STEPS = 3, 1

Step = Callable[[], None]


def possible(device: torch.device) -> bool:
    """Return whether a step on this device can be captured, so that its inputs and optimisers have to be prepared."""
    return device.type == "cuda"


class Recorder(Protocol):
    """Captures one step at a time."""

    def warm_up(self, step: Step) -> None:
        """Run a step eagerly, in the same way as it will be captured."""

    def capture(self, step: Step) -> Step:
        """Return a function that replays the step. Nothing is executed yet.

        Raises:
            RuntimeError: the step cannot be captured. No tensor and no random state has changed, except that the step
                may have left gradients behind.
        """

    def release(self) -> None:
        """Free the memory of the captured step, if any, which will not be replayed again."""


class CudaRecorder:
    """Captures steps as CUDA graphs. See :class:`Recorder`.

    Each graph has a memory pool of its own. A shared pool would gain nothing, as there is only one graph at a time.

    Random numbers: torch registers the device's default generator with every graph that draws from it. A replay reads
    the generator's offset when it starts and advances it by what the step draws. So graphs draw the same numbers as
    eager steps, and ``torch.cuda.get_rng_state`` between two steps is exact. Steps draw from no other generator of the
    device; all others are on the CPU, in the host part.

    Args:
        device: a GPU.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)
        self._graph: torch.cuda.CUDAGraph | None = None

    def warm_up(self, step: Step) -> None:
        """Run a step on the stream of the captures: libraries keep a workspace for each stream."""
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        try:
            with torch.cuda.stream(self._stream):
                step()
        finally:
            current.wait_stream(self._stream)

    def capture(self, step: Step) -> Step:
        """Return the replay of a new graph."""
        graph, current = torch.cuda.CUDAGraph(), torch.cuda.current_stream(self._device)
        random_state = torch.cuda.get_rng_state(self._device)
        reason = ""
        try:
            # By default even calls of other threads end a capture, such as those that pin decoded images.
            with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
                try:
                    step()
                except RuntimeError as error:
                    reason = str(error)
                    raise
        except BaseException as error:
            # Torch leaves the stream of the capture selected; older versions leave the generator waiting for its end.
            torch.cuda.set_stream(current)
            graph.reset()
            generator = torch.Generator(self._device)
            generator.set_state(random_state)
            torch.cuda.default_generators[current.device_index].graphsafe_set_state(generator)
            if reason:
                # The end of a broken capture raises an error of its own, which says less.
                raise RuntimeError(reason) from error
            raise
        self._graph = graph
        return graph.replay

    def release(self) -> None:
        """Free the memory of the graph, and all that torch keeps for later."""
        if self._graph is not None:
            torch.cuda.synchronize(self._device)  # the last replay may still be running
            self._graph.reset()
            self._graph = None
        torch.cuda.empty_cache()


def recorder(device: torch.device) -> Recorder | None:
    """Return what captures steps on this device, or None on a CPU."""
    return CudaRecorder(device) if possible(device) else None


class StepRunner:
    """Runs the steps of a training one after another, as a graph where possible.

    A graph repeats kernels with the addresses, shapes and Python numbers with which it was captured. So it lives only
    as long as steps stay the same, at most for the training of one epoch:

    1. A few steps run eagerly. They train like all others.
    2. The next one is captured, which executes nothing, and then replayed. It too trains once.
    3. All following steps of the same kind are replays.
    4. A step of another kind, :meth:`forget`, or an eager step that runs out of memory drops the graph.

    At most one graph exists, so that memory never holds the activations of two steps.

    Args:
        wanted: the setting ``cuda_graphs``. With ``auto``, steps run eagerly if they cannot be captured; with ``on``
            that is an error if the attempt fails, and a warning if there is a reason not to try.
        recorder: captures steps; None if the device cannot.
        emit: receives warnings.

    Attributes:
        status: ``captured``, or ``eager`` and why; empty on a CPU.
    """

    def __init__(
        self,
        wanted: Literal["auto", "on", "off"] = "off",
        recorder: Recorder | None = None,
        emit: Callable[[Event], None] = lambda event: None,
    ) -> None:
        self._recorder = recorder
        self._required, self._emit = wanted == "on", emit
        self._kind: Hashable = None
        self._replay: Step | None = None
        self._eager_steps_left = FIRST_STEPS
        self.status = "" if recorder is None else "captured"
        if wanted == "off":
            self.rule_out("cuda_graphs is off")

    @property
    def captures(self) -> bool:
        """Whether steps are captured at all."""
        return self._recorder is not None

    def extras(self) -> dict[str, str]:
        """Return the entry of an epoch's report that says whether steps are captured; empty on a CPU."""
        return {"cuda_graphs": self.status} if self.status else {}

    def run(self, kind: Hashable, step: Step, abandon: Step) -> None:
        """Take a step.

        Args:
            kind: everything that differs between steps of one epoch, such as the batch size. A step of kind None is
                never captured.
            step: the device part of the step: see :mod:`engine.search.step`.
            abandon: drops the gradients that a failed capture may have left.

        Raises:
            NastuiError: the capture failed, but the settings require it.
        """
        if self._recorder is None:
            step()
            return
        if kind != self._kind:
            self.forget()
            self._kind = kind
        if self._replay is not None:
            self._replay()
            return
        try:
            if kind is None:
                step()
            elif self._eager_steps_left:
                self._recorder.warm_up(step)
                self._eager_steps_left -= 1
            else:
                self._capture(self._recorder, step, abandon)
        except torch.OutOfMemoryError:
            self.forget()
            raise

    def forget(self, *, new_state: bool = False) -> None:
        """Drop the graph, because something changes that a step depends on: a new epoch, other parameters.

        Args:
            new_state: whether network and optimisers are new.
        """
        if self._recorder is None:
            return
        self._kind = self._replay = None
        self._eager_steps_left = max(self._eager_steps_left, FIRST_STEPS if new_state else NEXT_STEPS)
        self._recorder.release()

    def rule_out(self, reason: str) -> None:
        """Run all further steps eagerly, because of the steps themselves; users who asked for graphs are told."""
        if self._recorder is None:
            return
        if self._required:
            self._emit(Warned("cuda_graphs", f"Steps are not captured as CUDA graphs: {reason}."))
        self._stay_eager(reason)

    def _capture(self, recorder: Recorder, step: Step, abandon: Step) -> None:
        """Capture and replay a step, or run it eagerly and all others after it."""
        try:
            self._replay = recorder.capture(step)
        except RuntimeError as error:
            abandon()
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            if self._required:
                raise NastuiError(
                    f"The training step could not be captured as a CUDA graph: {reason}",
                    "Set cuda_graphs=auto to run it eagerly.",
                ) from error
            self._emit(Warned("cuda_graphs", f"Steps run eagerly, as a capture as a CUDA graph failed: {reason}"))
            self._stay_eager(reason)
        (self._replay or step)()

    def _stay_eager(self, reason: str) -> None:
        self.forget()
        self._recorder, self.status = None, f"eager: {reason}"
