"""Adam for the codes, with eps placed as in PyTorch and as in the public code of ISTA-NAS."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from engine.core.optimizers import load_optimizer
from engine.methods.ista.reference_adam import ReferenceAdam
from tests.vectors import load

PLACEMENTS = {"reference_eps_before_bias_correction": ReferenceAdam, "torch_adam": torch.optim.Adam}


def options(case: dict[str, Any]) -> dict[str, Any]:
    return {"lr": case["lr"], "betas": tuple(case["betas"]), "eps": case["eps"], "weight_decay": case["weight_decay"]}


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("case", load("ista/adam")["cases"], ids=lambda case: case["id"])
def test_steps(case: dict[str, Any], placement: str) -> None:
    code = torch.nn.Parameter(torch.tensor(case["p0"], dtype=torch.float64))
    optimiser: torch.optim.Optimizer = PLACEMENTS[placement]([code], **options(case))
    for gradient, expected in zip(case["grads"], case["after"][placement], strict=True):
        code.grad = torch.tensor(gradient, dtype=torch.float64)
        optimiser.step()
        assert code.tolist() == pytest.approx(expected, rel=1e-9, abs=1e-14)
        assert code.grad.tolist() == gradient


@pytest.mark.parametrize("case", load("ista/adam")["cases"], ids=lambda case: case["id"])
def test_steps_that_a_cuda_graph_may_capture(case: dict[str, Any]) -> None:
    code = torch.nn.Parameter(torch.tensor(case["p0"], dtype=torch.float64))
    optimizer = ReferenceAdam([code], **options(case), capturable=True)
    for gradient, expected in zip(case["grads"], case["after"]["reference_eps_before_bias_correction"], strict=True):
        code.grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
        assert code.tolist() == pytest.approx(expected, rel=1e-9, abs=1e-14)


@pytest.mark.parametrize("capturable", [False, True])
def test_a_state_of_the_other_form_can_be_loaded(capturable: bool) -> None:
    codes = [torch.nn.Parameter(torch.ones(3)) for _ in range(2)]
    before, after = (
        ReferenceAdam(codes[:1], 0.1, capturable=not capturable),
        ReferenceAdam(codes[1:], 0.1, capturable=capturable),
    )
    for _ in range(2):
        codes[0].grad = torch.ones(3)
        before.step()
    load_optimizer(after, copy.deepcopy(before.state_dict()))
    with torch.no_grad():
        codes[1].copy_(codes[0])
    for code, optimizer in zip(codes, (before, after), strict=True):
        code.grad = torch.full((3,), 0.5)
        optimizer.step()
    torch.testing.assert_close(codes[0], codes[1])
    assert isinstance(after.state[codes[1]]["step"], torch.Tensor) == capturable


def test_codes_without_a_gradient_do_not_drift() -> None:
    codes = [torch.nn.Parameter(torch.ones(3)) for _ in range(2)]
    optimiser = ReferenceAdam(codes, 0.1, weight_decay=0.1)
    for code in codes:
        code.grad = torch.ones(3)
    optimiser.step()
    before = codes[0].detach().clone()
    optimiser.zero_grad()
    codes[1].grad = torch.ones(3)
    moved = codes[1].detach().clone()
    optimiser.step()
    assert torch.equal(codes[0], before)
    assert not torch.equal(codes[1], moved)


def test_it_resumes_to_the_bit() -> None:
    def steps(optimiser: ReferenceAdam, code: torch.nn.Parameter, seeds: range) -> None:
        for seed in seeds:
            code.grad = torch.randn(7, generator=torch.Generator().manual_seed(seed))
            optimiser.step()

    whole = torch.nn.Parameter(torch.ones(7))
    straight = ReferenceAdam([whole], 3e-4, weight_decay=1e-3)
    steps(straight, whole, range(3))
    broken = torch.nn.Parameter(whole.detach().clone())
    resumed = ReferenceAdam([broken], 1.0)
    resumed.load_state_dict(copy.deepcopy(straight.state_dict()))
    steps(straight, whole, range(3, 6))
    steps(resumed, broken, range(3, 6))
    assert torch.equal(whole, broken)
    assert resumed.step(lambda: 2.5) == 2.5
