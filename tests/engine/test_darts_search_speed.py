"""Speed of a search step in the DARTS space, compared with the public code's way to compute it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from engine.spaces.darts.supernet import DartsSupernet
from engine.spaces.space import CellWeights, Supernet
from runs.catalogue.spaces.darts import SPACE
from tests.engine.plain_supernet import PlainSupernet

pytestmark = pytest.mark.benchmark

KINDS = ("normal", "reduce")


@dataclass(frozen=True)
class Case:
    """A search, how often a step is timed, and the minimum speed-up."""

    name: str
    operations: tuple[str, ...]
    size: dict[str, int]
    batch: int
    pairs: int
    floor: float


WITHOUT_NONE = tuple(name for name in SPACE.operations if name != "none")
CASES = [
    Case("DARTS", SPACE.operations, {"channels": 16, "layers": 8}, 8, 7, 1.8),
    Case("DrNAS", WITHOUT_NONE, {"channels": 36, "layers": 8, "partial": 6}, 8, 7, 1.6),
    Case("DrNAS", WITHOUT_NONE, {"channels": 36, "layers": 20, "partial": 6}, 4, 5, 1.6),
]


def stepper(
    network: Supernet, columns: int, batch: int, layout: torch.memory_format, *, lean: bool
) -> Callable[[], float]:
    """Return a function that takes one step of a first-order search and returns its CPU seconds.

    Args:
        network: the supernet.
        columns: the number of operations.
        batch: images per batch in either phase.
        layout: memory format of images and kernels.
        lean: whether a phase computes only its own gradients.
    """
    network.to(memory_format=layout)  # type: ignore[call-overload]
    images = torch.randn(batch, 3, 32, 32).to(memory_format=layout)
    labels = torch.randint(10, (batch,))
    alphas = {kind: (1e-3 * torch.randn(14, columns)).requires_grad_() for kind in KINDS}
    weights = torch.optim.SGD(network.parameters(), 0.025, momentum=0.9, weight_decay=3e-4, foreach=True)
    architecture = torch.optim.Adam(alphas.values(), 3e-4, betas=(0.5, 0.999), weight_decay=1e-3)

    def loss(detached: bool = False) -> torch.Tensor:
        mixing = {
            kind: CellWeights((alpha.detach() if detached else alpha).softmax(1)) for kind, alpha in alphas.items()
        }
        return functional.cross_entropy(network(images, mixing), labels)

    def step() -> float:
        start = time.process_time()
        if lean:
            gradients = torch.autograd.grad(loss(), list(alphas.values()))
            for alpha, gradient in zip(alphas.values(), gradients, strict=True):
                alpha.grad = gradient
        else:
            loss().backward()
        architecture.step()
        for optimiser in (weights, architecture):
            optimiser.zero_grad()
        loss(detached=lean).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5, foreach=True)
        weights.step()
        for optimiser in (weights, architecture):
            optimiser.zero_grad()
        return time.process_time() - start

    return step


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("public_layout", [torch.contiguous_format, torch.channels_last], ids=["nchw", "channels_last"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}-L{case.size['layers']}")
def test_a_search_step(case: Case, public_layout: torch.memory_format) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        ratios = measure(case, public_layout)
    finally:
        torch.set_num_threads(threads)
    median = statistics.median(ratios)
    print(
        f"\n{case.name} step, {len(case.operations)} operations, {case.size}, B{case.batch}, one thread: plain "
        f"({public_layout}) takes {median:.2f} times the CPU seconds "
        f"(range {min(ratios):.2f}-{max(ratios):.2f}, n {len(ratios)})"
    )
    assert median >= (case.floor if public_layout is torch.contiguous_format else 1.3)


def measure(case: Case, public_layout: torch.memory_format) -> list[float]:
    torch.manual_seed(0)
    columns = len(case.operations)
    candidates = dict.fromkeys(KINDS, (tuple(range(columns)),) * 14)
    shape: dict[str, Any] = {"operations": case.operations, "edges": SPACE.edges, "candidates": candidates}
    shape |= {"classes": 10, **case.size}
    fast = stepper(DartsSupernet(**shape), columns, case.batch, torch.channels_last, lean=True)
    slow = stepper(PlainSupernet(**shape), columns, case.batch, public_layout, lean=False)
    ratios = []
    for turn in range(case.pairs + 1):
        # The order is A B B A, and the first round is warm-up.
        taken = {step: step() for step in ((slow, fast) if turn % 2 else (fast, slow))}
        ratios.append(taken[slow] / taken[fast])
    return ratios[1:]
