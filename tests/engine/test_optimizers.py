"""Optimisers: the learning rate changes in place, and a state saved on another device can be loaded."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from engine.core import cuda_graphs
from engine.core.optimizers import adam, load_optimizer, set_learning_rate, sgd
from engine.methods.ista.reference_adam import reference_adam

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


class TestOnAGpu:
    """The forms of a GPU, built on a CPU."""

    @pytest.fixture(autouse=True)
    def _as_on_a_gpu(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(cuda_graphs, "possible", lambda device: True)

    def test_sgd_is_fused_and_its_rate_a_tensor(self) -> None:
        (group,) = sgd([parameter()], 0.1, device=CPU, momentum=0.9, weight_decay=0.0).param_groups
        assert group["fused"]
        assert isinstance(group["lr"], Tensor)

    @pytest.mark.parametrize("make", [adam, reference_adam])
    def test_adam_is_capturable_and_its_rate_a_tensor(self, make: Callable[..., torch.optim.Optimizer]) -> None:
        (group,) = make([parameter()], 0.1, device=CPU, betas=(0.5, 0.999)).param_groups
        assert group["capturable"]
        assert isinstance(group["lr"], Tensor)

    @pytest.mark.parametrize("nesterov", [False, True])
    def test_parameters_may_begin_to_train_at_different_steps(self, nesterov: bool) -> None:
        """As with sampled paths: torch's fused form alone raises at the second step."""
        ours, theirs = ([parameter(), parameter()] for _ in range(2))
        options = {"momentum": 0.9, "weight_decay": 0.01, "nesterov": nesterov}
        fused, plain = sgd(ours, 0.125, device=CPU, **options), torch.optim.SGD(theirs, 0.125, **options)
        for optimizer, (early, late) in ((fused, ours), (plain, theirs)):
            for number in range(4):
                early.grad = 0.5 * early.detach()
                late.grad = None if number < 2 else 0.25 * late.detach()
                optimizer.step()
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=0)

    def test_a_state_without_all_momenta_can_be_loaded(self) -> None:
        """Such as one of a CPU."""
        early, late = parameter(), parameter()
        saved = torch.optim.SGD([early, late], 0.1, momentum=0.9)
        step(saved, early)
        weights = [parameter(), parameter()]
        optimizer = sgd(weights, 0.1, device=CPU, momentum=0.9, weight_decay=0.0)
        load_optimizer(optimizer, copy.deepcopy(saved.state_dict()))
        buffers = [optimizer.state[weight]["momentum_buffer"] for weight in weights]
        assert torch.equal(buffers[0], saved.state[early]["momentum_buffer"])
        assert torch.equal(buffers[1], torch.zeros(2))
