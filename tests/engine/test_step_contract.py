"""A step is fit for a CUDA graph: checked on a CPU, by its calls to torch.

A captured step is repeated kernel by kernel with the numbers with which it was captured. So no step may read a result
on the host, create a tensor on the CPU, or draw from a generator of the host. Two steps of an epoch must be the same
sequence of kernels, with the same shapes and the same Python numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._device import _device_constructors
from torch.utils._python_dispatch import TorchDispatchMode

from engine.search.loop import DifferentiableSearch
from tests.engine.retraining import CELL, DRNAS, Retraining
from tests.engine.tape import prepare_as_on_a_gpu
from tests.engine.test_host_reads import begun

FACTORIES = _device_constructors()
# Even with a device, these copy from pageable memory of the host, which makes the host wait.
COPIES = (torch.tensor, torch.as_tensor, torch.from_numpy, torch.asarray)
READS = {"item", "tolist", "numpy", "cpu", "__bool__", "__int__", "__float__", "__index__", "pin_memory", "nonzero"}
CASES = [
    ("darts", "nasbench201", {"order": "first"}),
    ("darts", "darts", {"order": "second"}),
    ("drnas", "nasbench201", {}),
    ("drnas", "darts", {"regulariser": "kl"}),
    ("pcdarts", "darts", {}),
    ("pdarts", "darts", {"skip_dropout": "0.3,0.4,0.7"}),
    ("prdarts", "prdarts", {}),
    ("snas", "nasbench201", {"levels": "one"}),
    ("snas", "darts", {}),
    ("sharpdarts", "darts_sharp", {}),
    ("ista", "darts", {"adam": "torch"}),
    ("ista", "darts", {"adam": "reference"}),
    ("ista_onestage", "darts", {"auxiliary": True}),
    ("gdas", "nasbench201", {}),
    ("dsnas", "nasbench201", {}),
    ("nasp", "darts_nasp", {}),
    ("rsws", "nasbench201", {}),
    ("enas", "nasbench201", {}),
]
EAGER = {"gdas", "dsnas", "nasp", "rsws", "enas"}
# The updates of these methods do not know the space, and steps in the darts space take ten times as long. Other methods
# step in its supernet.
CHEAP = [
    (method, "nasbench201" if method in {"darts", "drnas", "snas"} else space, options)
    for method, space, options in CASES
]
TRAININGS = [
    (DRNAS, {"auxiliary": True, "drop_path": 0.3}),
    (DRNAS, {"auxiliary": False, "drop_path": 0.3, "pieces": 2}),
    (DRNAS, {"auxiliary": False, "drop_path": 0.0, "label_smoothing": 0.1}),
    (CELL, {"gradient_clip": 0.0, "nesterov": True}),
]


class HostWork(TorchFunctionMode):
    """Collects the calls that a captured step must not make."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", str(func))
        made_on_the_host = func in COPIES or (func in FACTORIES and kwargs.get("device") is None)
        if made_on_the_host or name in READS or kwargs.get("generator") is not None:
            self.found.append(name)
        return func(*args, **kwargs)


class Kernels(TorchDispatchMode):
    """Collects the kernels with the shapes of their tensors, and all Python numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Any] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.namespace != "profiler":
            self.found.append((func, shown(args), shown(kwargs or {})))
        return func(*args, **(kwargs or {}))


def shown(argument: Any) -> Any:
    """Return an argument with shapes in place of tensors."""
    match argument:
        case Tensor():
            return tuple(argument.shape)
        case tuple() | list():
            return tuple(map(shown, argument))
        case dict():
            return {name: shown(each) for name, each in argument.items()}
    return argument


@pytest.fixture(scope="module", autouse=True)
def _optimisers_and_inputs_of_a_gpu() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        prepare_as_on_a_gpu(monkeypatch)
        yield


def stepping(method: str, space: str, **options: Any) -> DifferentiableSearch:
    """Return a search in the middle of an epoch."""
    search = begun(method, space, "quick", **options)
    for optimizer in (search.current.weight_optimizer, search.current.architecture_optimizer):
        # The list form of Adam makes a tensor on the host if its parameters are there.
        optimizer.param_groups[0]["foreach"] = False
    if not search.current.architecture_optimizer.state:  # in `begun`, the architecture was frozen
        prepare(search)
        search.components.update.step(search.step_context)
    return search


def prepare(search: DifferentiableSearch) -> None:
    """Do the host's part of a whole batch."""
    levels = [
        level
        for level in search.components.update.order
        if level == "weights" or search.step_context.trains_architecture
    ]
    search.batches.prepare(levels, torch.arange(search.current.batch_size))


@dataclass
class Step:
    """What a step did."""

    work: HostWork
    kernels: Kernels


@contextmanager
def watched() -> Iterator[Step]:
    with HostWork() as work, Kernels() as kernels:
        yield Step(work, kernels)


@dataclass
class Searched:
    """What a search did in two steps of an epoch; one that is never captured makes one only."""

    method: str
    capturable: bool
    steps: list[Step]


@pytest.fixture(scope="module")
def searched(request: pytest.FixtureRequest) -> Searched:
    """Return what the search of a case did."""
    method, space, options = request.param
    torch.set_num_threads(1)
    search, steps = stepping(method, space, **options), []
    for _ in range(1 if method in EAGER else 2):
        prepare(search)
        with watched() as step:
            search.components.update.step(search.step_context)
        steps.append(step)
    return Searched(method, search.components.capturable, steps)


@pytest.mark.parametrize("searched", CHEAP, ids=str, indirect=True)
def test_a_step_leaves_the_host_alone_where_it_says_so(searched: Searched) -> None:
    assert searched.capturable == (searched.method not in EAGER)
    for step in searched.steps:
        assert bool(step.work.found) == (searched.method in EAGER), step.work.found


@pytest.mark.parametrize("searched", [case for case in CHEAP if case[0] not in EAGER], ids=str, indirect=True)
def test_steps_of_an_epoch_are_the_same_kernels_with_the_same_numbers(searched: Searched) -> None:
    first, second = (step.kernels.found for step in searched.steps)
    assert len(first) > 100
    assert first == second


class Watcher:
    """Watches the steps of a training, in place of :class:`engine.core.cuda_graphs.StepRunner`."""

    captures = True

    def __init__(self) -> None:
        self.batch = 0  # images in a whole one
        self.kinds: list[Any] = []
        self.steps: list[Step] = []

    def run(self, kind: Any, step: Callable[[], None], abandon: Callable[[], None]) -> None:
        self.kinds.append(kind)
        with watched() as seen:
            step()
        self.steps.append(seen)


@pytest.fixture(scope="module")
def trained(request: pytest.FixtureRequest) -> Watcher:
    """Return what a training did in two steps of its second epoch, in which drop path begins."""
    genotype, options = request.param
    training, watcher = Retraining(genotype, image_limit=96, **options), Watcher()
    training.epoch()
    training.advance(1)
    training.trainer._step._steps = watcher  # type: ignore[assignment]
    training.advance(2)
    watcher.batch = training.trainer.state()["batch"]
    return watcher


@pytest.mark.parametrize("trained", TRAININGS, ids=str, indirect=True)
def test_a_training_step_leaves_the_host_alone(trained: Watcher) -> None:
    assert [step.work.found for step in trained.steps] == [[], []]


@pytest.mark.parametrize("trained", TRAININGS, ids=str, indirect=True)
def test_training_steps_of_an_epoch_are_the_same_kernels_with_the_same_numbers(trained: Watcher) -> None:
    first, second = (step.kernels.found for step in trained.steps)
    assert len(first) > 100
    assert first == second
    assert trained.kinds[0] == trained.kinds[1]
    assert sum(trained.kinds[0]) == trained.batch


def test_the_host_part_draws_in_the_order_of_the_update() -> None:
    """In another order each part would draw other images, but as many numbers, so all later draws are the same."""
    ends, labels = [], []
    for weights_first in (False, True):
        search = begun("darts", "nasbench201", "quick", order="first", weights_first=weights_first)
        prepare(search)
        labels.append(search.step_context.weight_batch().images)
        ends.append(search.context.runtime.generator("augmentation").get_state())
    assert not torch.equal(*labels)
    assert torch.equal(*ends)
