"""Optimisers: the learning rate changes in place, and a state saved on another device can be loaded."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from engine.core.optimizers import adam, load_optimizer, set_learning_rate, sgd

CPU = torch.device("cpu")


def parameter() -> nn.Parameter:
    return nn.Parameter(torch.tensor([1.0, -2.0]))


def step(optimizer: torch.optim.Optimizer, weights: nn.Parameter) -> None:
    weights.grad = 0.5 * weights.detach()
    optimizer.step()


def test_on_a_cpu_they_are_the_optimisers_of_torch() -> None:
    ours, theirs = parameter(), parameter()
    options = {"momentum": 0.9, "weight_decay": 0.01, "nesterov": True}
    mine = sgd([ours], 0.1, device=CPU, **options)
    reference = torch.optim.SGD([theirs], 0.1, **options)
    for _ in range(3):
        step(mine, ours)
        step(reference, theirs)
    assert torch.equal(ours, theirs)


def test_the_rate_of_every_group_is_set() -> None:
    optimizer = torch.optim.SGD([{"params": [parameter()]}, {"params": [parameter()], "lr": 0.5}], 0.1)
    set_learning_rate(optimizer, 0.25)
    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.25]


def test_a_rate_in_a_tensor_is_changed_in_place() -> None:
    rate = torch.tensor(0.1)
    optimizer = torch.optim.SGD([parameter()], rate, foreach=False)
    set_learning_rate(optimizer, 0.25)
    assert float(rate) == 0.25
    assert optimizer.param_groups[0]["lr"] is rate


@pytest.mark.parametrize("saved_rate", [0.2, torch.tensor(0.2)], ids=["number", "tensor"])
def test_a_state_of_another_device_keeps_the_own_implementation(saved_rate: float | Tensor) -> None:
    weights = parameter()
    optimizer = adam([weights], 0.1, device=CPU)
    step(optimizer, weights)
    state = copy.deepcopy(optimizer.state_dict())
    state["param_groups"][0] |= {"lr": saved_rate, "capturable": True}
    again = adam([parameter()], 0.1, device=CPU)
    load_optimizer(again, state)
    (group,) = again.param_groups
    assert group["lr"] == pytest.approx(0.2)
    assert isinstance(group["lr"], float)
    assert not group["capturable"]
    (kept,) = again.state.values()
    assert torch.equal(kept["exp_avg"], optimizer.state[weights]["exp_avg"])


def test_a_rate_tensor_stays_the_same_tensor_after_loading() -> None:
    rate = torch.tensor(0.1)
    optimizer = torch.optim.SGD([parameter()], rate, foreach=False)
    state = copy.deepcopy(optimizer.state_dict())
    state["param_groups"][0]["lr"] = 0.3
    load_optimizer(optimizer, state)
    assert optimizer.param_groups[0]["lr"] is rate
    assert float(rate) == pytest.approx(0.3)
