"""The kernels of a step, the bytes that they move, and the time below which they cannot take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import functional

from engine.tools.kernels import Kernels, Machine, measure

X, Y = torch.ones(10, 10), torch.ones(10, 10)  # 400 bytes each
IMAGES, KERNEL = torch.ones(2, 3, 8, 8), torch.ones(4, 3, 3, 3)  # 1,536 and 432 bytes
OUTPUT = 2 * 4 * 8 * 8 * 4
NORMED = IMAGES.numel() * 4


@pytest.mark.parametrize(
    ("work", "sizes"),
    [
        (lambda: X + Y, [1200]),
        (lambda: X.clone().add_(Y), [800, 1200]),
        (lambda: X + torch.ones(1).expand(10, 10), [4, 804]),
        (lambda: X.view(100)[3:], []),
        (lambda: torch.empty_like(X), []),
        (lambda: torch.empty(10).copy_(X[0]), [80]),
        (lambda: torch.empty(10).fill_(1), [40]),
        (lambda: torch._foreach_add_([X.clone(), Y.clone()], 1), [800, 800, 1600]),
        (lambda: functional.conv2d(IMAGES, KERNEL, padding=1), [1536 + 432 + OUTPUT]),
        (lambda: functional.batch_norm(IMAGES, None, None, training=True), [3 * NORMED + 24]),
    ],
)
def test_each_operand_is_moved_once(work: Callable[[], Any], sizes: list[int]) -> None:
    with Kernels() as kernels:
        work()
    assert kernels.sizes == sizes
    assert kernels.count == len(sizes)


def test_each_gradient_of_a_convolution_is_a_kernel() -> None:
    images, kernel = IMAGES.clone().requires_grad_(), KERNEL.clone().requires_grad_()
    output = functional.conv2d(images, kernel, padding=1)
    with Kernels() as kernels:
        torch.autograd.grad(output, (images, kernel), torch.ones_like(output))
    assert kernels.sizes == [OUTPUT, OUTPUT + 1536 + 432, OUTPUT + 432 + 1536]


def test_reads_of_the_host_are_counted_except_of_its_own_tensors() -> None:
    own = torch.ones(())
    with Kernels({own.data_ptr()}) as kernels:
        own.item()
        torch.ones(()).item()
    assert kernels.reads == 1


def test_only_kernels_of_the_device_count() -> None:
    with Kernels(device="cuda") as kernels:
        X + Y
    assert not kernels.sizes


def test_a_kernel_takes_at_least_the_time_of_a_node() -> None:
    machine = Machine(bandwidth=1000.0, node_seconds=2.0)
    assert machine.bound([100, 2000, 5000]) == 2 + 2 + 5


def test_a_machine_is_measured() -> None:
    machine = measure(torch.device("cpu"))
    assert 1e8 < machine.bandwidth < 1e13
    assert 1e-9 < machine.node_seconds < 1e-2
