"""Speed of a two-stage step that runs only the live operations, compared with all operations and with zero tests."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from engine.spaces.darts.supernet import DartsSupernet
from engine.spaces.space import CellWeights, MixingWeights, Supernet
from runs.catalogue.library import get
from runs.catalogue.spaces.darts import SPACE
from tests.engine.plain_supernet import PlainSupernet

pytestmark = pytest.mark.benchmark

OPERATIONS = tuple(name for name in SPACE.operations if name != "none")
ALL = {kind: (tuple(range(len(OPERATIONS))),) * 14 for kind in SPACE.cells}
BATCH, PAIRS = 16, 7
OWN, ZEROS = "live operations alone", "every multiplier tested for zero"


class ZeroTesting(PlainSupernet):
    """The public code's way: it reads every multiplier from the device, and skips operations with 0."""

    def forward(self, images: Tensor, mixing: MixingWeights) -> Tensor:
        """Return class scores [B, classes]."""
        read: dict[str, CellWeights] = {}
        for cell in self.cells:
            # The public code reads them in each cell.
            weights = mixing[cell.kind].weights
            active = tuple(tuple(op for op, weight in enumerate(row) if weight.item() != 0) for row in weights)
            read[cell.kind] = CellWeights(weights, active)
        return super().forward(images, read)


def stepper(network: Supernet, layout: torch.memory_format, *, live: bool, lean: bool) -> Callable[[], float]:
    """Return a function that takes one step on both halves and returns its CPU seconds.

    Args:
        network: the supernet.
        layout: memory format of images and kernels; contiguous in the public code.
        live: whether the mixing weights name the live operations, those of the published two-stage cell.
        lean: whether the step of the codes computes only the gradients of the codes.
    """
    network.train().to(memory_format=layout)  # type: ignore[call-overload]
    images = torch.randn(BATCH, 3, 32, 32).to(memory_format=layout)
    labels = torch.randint(10, (BATCH,))
    cells = get("ISTA_twostage").genotype.cells
    active = {
        kind: tuple(
            tuple(OPERATIONS.index(edge.operation) for edge in cells[kind].edges if (edge.source, edge.target) == place)
            for place in SPACE.edges
        )
        for kind in SPACE.cells
    }
    masks = {kind: torch.zeros(14, len(OPERATIONS)) for kind in SPACE.cells}
    for kind, edges in active.items():
        for edge, ops in enumerate(edges):
            masks[kind][edge, list(ops)] = 1
    codes = {kind: torch.full((14, len(OPERATIONS)), 0.3, requires_grad=True) for kind in SPACE.cells}
    weights = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9, weight_decay=3e-4)
    adam = torch.optim.Adam(codes.values(), 6e-4, betas=(0.5, 0.999), weight_decay=1e-3)

    def loss(detached: bool = False) -> Tensor:
        mixing = {
            kind: CellWeights((code.detach() if detached else code) * masks[kind], active[kind] if live else None)
            for kind, code in codes.items()
        }
        return functional.cross_entropy(network(images, mixing), labels)

    def step() -> float:
        start = time.process_time()
        if lean:
            for code, gradient in zip(codes.values(), torch.autograd.grad(loss(), list(codes.values())), strict=True):
                code.grad = gradient
        else:
            loss().backward()
        adam.step()
        weights.zero_grad()
        loss(detached=lean).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5)
        weights.step()
        for optimiser in (weights, adam):
            optimiser.zero_grad()
        return time.process_time() - start

    return step


def test_a_step_of_the_published_cell() -> None:
    torch.set_num_threads(1)
    size = {"channels": 16, "layers": 8, "classes": 10}
    common = {"operations": OPERATIONS, "edges": SPACE.edges, "candidates": ALL}
    last, first = torch.channels_last, torch.contiguous_format
    steps = {
        OWN: stepper(DartsSupernet(**common, **size), last, live=True, lean=True),
        "all operations": stepper(DartsSupernet(**common, **size), last, live=False, lean=True),
        ZEROS: stepper(ZeroTesting(**common, **size), first, live=False, lean=False),
        f"{ZEROS}, channels last": stepper(ZeroTesting(**common, **size), last, live=False, lean=False),
    }
    for step in steps.values():
        step()
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(PAIRS):
        for name, step in steps.items():
            taken[name].append(step())
    own = taken[OWN]
    print(f"\nISTA-NAS step, C16 L8 B{BATCH}, one thread: {1e3 * statistics.median(own):.0f} ms of CPU")
    for name, seconds in taken.items():
        ratios = [theirs / ours for theirs, ours in zip(seconds, own, strict=True)]
        median = statistics.median(ratios)
        print(f"  {name}: {median:.2f} times that ({min(ratios):.2f}-{max(ratios):.2f})")
    assert statistics.median(a / b for a, b in zip(taken[ZEROS], own, strict=True)) > 1.4
