"""The kernels of a step of the NAS-Bench-201 supernet, and its speed compared with the public code's way."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.relaxations.dirichlet import DirichletRelaxation
from engine.spaces.nasbench201 import cell
from engine.spaces.nasbench201.supernet import NasBench201Supernet
from engine.spaces.space import all_candidates
from engine.tools.kernels import Kernels
from runs.catalogue.spaces.nasbench201 import SPACE
from tests.engine.plain_nasbench201 import PlainSupernet

EVERY = all_candidates(SPACE)
Step = Callable[[], None]


class Searching:
    """Two optimisers, an architecture and one batch for both phases.

    Args:
        network: a supernet, plain or not.
        images, labels: the batch.
    """

    def __init__(self, network: nn.Module, images: Tensor, labels: Tensor) -> None:
        self.network, self.images, self.labels = network, images, labels
        self.architecture = ArchitectureParameters(SPACE, EVERY, torch.Generator().manual_seed(0), scale=1e-3)
        self.relaxation = DirichletRelaxation()
        self.sgd = torch.optim.SGD(network.parameters(), 0.025, momentum=0.9, weight_decay=3e-4, foreach=True)
        self.adam = torch.optim.Adam(
            self.architecture.parameters(), 3e-4, betas=(0.5, 0.999), weight_decay=1e-3, foreach=True
        )

    def loss(self, detached: bool = False) -> Tensor:
        """Return the loss for a new sample."""
        with torch.set_grad_enabled(not detached):
            mixing = self.relaxation.sample(self.architecture)
        return functional.cross_entropy(self.network(self.images, mixing), self.labels)

    def own(self) -> None:
        """Take a step with only the gradients that each phase needs."""
        variables = list(self.architecture.parameters())
        for variable, gradient in zip(variables, torch.autograd.grad(self.loss(), variables), strict=True):
            variable.grad = gradient
        self.adam.step()
        self.adam.zero_grad()
        self.loss(detached=True).backward()
        self._update_weights()

    def public(self) -> None:
        """Take a step with all gradients in both phases."""
        self.loss().backward()
        self.adam.step()
        self.adam.zero_grad()
        self.sgd.zero_grad()
        self.loss().backward()
        self._update_weights()

    def _update_weights(self) -> None:
        nn.utils.clip_grad_norm_(self.network.parameters(), 5, foreach=True)
        self.sgd.step()
        self.sgd.zero_grad()
        self.adam.zero_grad()


@pytest.mark.parametrize(("partial", "limit"), [(1, 3600), (4, 4000)])
def test_a_step_stays_within_its_kernels(partial: int, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """On small networks, kernel launches dominate the time of a step; public code launches 11,056 and 12,136."""
    # The GPU's form of pooling; shifted sums are only used on the CPU.
    monkeypatch.setattr(cell, "average_pool", lambda x: functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False))
    network = NasBench201Supernet(channels=4, cells=5, classes=10, candidates=EVERY, partial=partial)
    search = Searching(network, torch.randn(2, 3, 8, 8), torch.zeros(2, dtype=torch.long))
    search.own()
    with Kernels({state["step"].data_ptr() for state in search.adam.state.values()}) as kernels:
        search.own()
    assert kernels.count <= limit
    assert kernels.reads == 0


BATCH, PAIRS = 64, 5
APART, LAST = torch.contiguous_format, torch.channels_last


@pytest.mark.benchmark
@pytest.mark.parametrize(("partial", "floor"), [(1, 2.2), (4, 1.7)])
def test_the_time_of_a_step(partial: int, floor: float) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        times = measure(partial)
    finally:
        torch.set_num_threads(threads)
    print(f"\nsearch step, C16 N5 B{BATCH}, k = {partial}, one thread, CPU seconds beside own ({PAIRS} pairs):")
    medians = {}
    for name in ("plain", "plain, channels last"):
        ratios = [theirs / own for theirs, own in zip(times[name], times["own"], strict=True)]
        medians[name] = statistics.median(ratios)
        print(f"  {name}: {medians[name]:.2f} ({min(ratios):.2f}-{max(ratios):.2f})")
    assert medians["plain"] >= floor
    assert medians["plain, channels last"] >= 1.3


def measure(partial: int) -> dict[str, list[float]]:
    """Return the CPU seconds of each way in each round, in the order A B C, C B A, after a round of warm-up."""
    torch.manual_seed(0)
    network = NasBench201Supernet(channels=16, cells=5, classes=10, candidates=EVERY, partial=partial)
    images, labels = torch.randn(BATCH, 3, 32, 32), torch.randint(10, (BATCH,))

    def searching(of: nn.Module, layout: torch.memory_format) -> Searching:
        of.to(memory_format=layout)  # type: ignore[call-overload]
        return Searching(of, images.to(memory_format=layout), labels)

    steps: dict[str, Step] = {
        "plain": searching(PlainSupernet(network), APART).public,
        "own": searching(copy.deepcopy(network), LAST).own,
        "plain, channels last": searching(PlainSupernet(network), LAST).public,
    }
    times: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(PAIRS + 1):
        for name in reversed(steps) if turn % 2 else steps:
            start = time.process_time()
            steps[name]()
            times[name].append(time.process_time() - start)
    return {name: taken[1:] for name, taken in times.items()}
