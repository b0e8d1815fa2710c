"""Regularisers of alpha, compared with independently computed values."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from engine.architecture.regularisation import WeightDecay
from engine.architecture.relaxations.dirichlet import kl_to_flat
from tests.vectors import load

VECTORS = load("drnas/regularisers")


def matrices(case: dict[str, Any]) -> list[torch.Tensor]:
    return [torch.tensor(rows, dtype=torch.float64, requires_grad=True) for rows in case["alpha"]]


@pytest.mark.parametrize("case", VECTORS["cases"])
def test_kl_to_the_flat_dirichlet(case: dict[str, Any]) -> None:
    alphas = matrices(case)
    every = [torch.ones_like(alpha, dtype=torch.bool) for alpha in alphas]
    rows = [kl_to_flat(alpha, mask) for alpha, mask in zip(alphas, every, strict=True)]
    for found, expected in zip(rows, case["kl_per_edge"], strict=True):
        torch.testing.assert_close(found.tolist(), expected, rtol=1e-6, atol=1e-9)
    total = torch.stack([found.sum() for found in rows]).sum()
    assert total.item() == pytest.approx(case["kl_sum"], rel=1e-6)
    gradients = torch.autograd.grad(case["scale"] * total, alphas)
    for gradient, expected in zip(gradients, case["kl_grad"], strict=True):
        torch.testing.assert_close(gradient.tolist(), expected, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("case", [case for case in VECTORS["cases"] if "kl_sum_kept_only" in case])
def test_kl_counts_what_is_kept_alone(case: dict[str, Any]) -> None:
    total = 0.0
    for alpha, kept in zip(matrices(case), case["kept"], strict=True):
        mask = torch.zeros_like(alpha, dtype=torch.bool)
        for edge, operations in enumerate(kept):
            mask[edge, operations] = True
        total += kl_to_flat(alpha, mask).sum().item()
    assert total == pytest.approx(case["kl_sum_kept_only"], rel=1e-6)


@pytest.mark.parametrize("case", VECTORS["cases"])
def test_l2_is_half_the_scale_times_the_squares(case: dict[str, Any]) -> None:
    """Adam's coupled decay is the gradient of this penalty."""
    decay = WeightDecay(case["scale"]).weight_decay
    penalty = sum(decay / 2 * (alpha**2).sum().item() for alpha in matrices(case))
    assert penalty == pytest.approx(case["l2_penalty"], rel=1e-6)


@pytest.mark.parametrize("case", VECTORS["adam_l2"])
def test_adam_on_alpha(case: dict[str, Any]) -> None:
    alpha = torch.tensor(case["alpha0"], dtype=torch.float64, requires_grad=True)
    adam = torch.optim.Adam(
        [alpha],
        case["lr"],
        betas=(case["beta1"], case["beta2"]),
        eps=case["eps"],
        weight_decay=WeightDecay(case["weight_decay"]).weight_decay,
    )
    for gradient, expected in zip(case["loss_grads"], case["alpha_after_each_step"], strict=True):
        alpha.grad = torch.tensor(gradient, dtype=torch.float64)
        adam.step()
        torch.testing.assert_close(alpha.tolist(), expected, rtol=1e-9, atol=1e-12)
