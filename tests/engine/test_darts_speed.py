"""Speed of the retraining network, compared with the public code's way to compute it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from engine.spaces import drop_path
from engine.spaces.darts.network import CellNetwork
from tests.engine.plain_network import PlainNetwork
from tests.engine.test_darts_network import published

pytestmark = pytest.mark.benchmark

LAYERS, BATCH, PAIRS, DROP_PATH = 20, 8, 5, 0.15
FLOOR = 1.3


def trainer(network: nn.Module, forward: Callable[[], tuple[Tensor, ...]], labels: Tensor) -> Callable[[], float]:
    """Return a function that takes one training step and returns its CPU seconds."""
    optimiser = torch.optim.SGD(network.parameters(), lr=0.025, momentum=0.9, weight_decay=3e-4)

    def step() -> float:
        start = time.process_time()
        optimiser.zero_grad()
        scores, auxiliary = forward()
        loss = nn.functional.cross_entropy(scores, labels) + 0.4 * nn.functional.cross_entropy(auxiliary, labels)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5)
        optimiser.step()
        return time.process_time() - start

    return step


@pytest.mark.parametrize("public_layout", [torch.contiguous_format, torch.channels_last], ids=["nchw", "channels_last"])
def test_a_training_step(public_layout: torch.memory_format) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        ratios = measure(public_layout)
    finally:
        torch.set_num_threads(threads)
    median = statistics.median(ratios)
    print(
        f"\nretraining step, DrNAS cell, C36 L{LAYERS} B{BATCH}, one thread: plain ({public_layout}) takes "
        f"{median:.2f} times the CPU seconds (range {min(ratios):.2f}-{max(ratios):.2f}, n {len(ratios)})"
    )
    if public_layout is torch.contiguous_format:
        assert median >= FLOOR


def measure(public_layout: torch.memory_format) -> list[float]:
    torch.manual_seed(0)
    genotype = published("DrNAS_cifar10")
    own = CellNetwork(genotype, channels=36, layers=LAYERS, classes=10, stem="cifar", norms="pool", auxiliary=True).to(
        memory_format=torch.channels_last
    )
    plain = PlainNetwork(own, genotype).to(memory_format=public_layout)
    images, labels = torch.randn(BATCH, 3, 32, 32), torch.randint(10, (BATCH,))
    last, first = images.to(memory_format=torch.channels_last), images.to(memory_format=public_layout)
    generator = torch.Generator().manual_seed(0)
    fast = trainer(own, lambda: own(last, drop_path.draw(own.drops, BATCH, DROP_PATH, generator)), labels)
    slow = trainer(plain, lambda: plain(first, DROP_PATH), labels)
    ratios = []
    for turn in range(PAIRS + 1):
        # The order is A B B A, and the first round is warm-up.
        taken = {step: step() for step in ((slow, fast) if turn % 2 else (fast, slow))}
        ratios.append(taken[slow] / taken[fast])
    return ratios[1:]
