"""The Dirichlet relaxation compared with independently computed values, and its properties."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from engine.architecture.relaxations import dirichlet
from tests.vectors import load

CONCENTRATION = load("drnas/concentration")
PATHWISE = load("drnas/pathwise")


def row(values: list[float]) -> Tensor:
    return torch.tensor([values], dtype=torch.float64)


def alive(case: dict[str, Any], width: int) -> Tensor:
    kept = case["kept"] if case.get("kept") is not None else range(width)
    return torch.tensor([[op in kept for op in range(width)]])


def close(found: Tensor, expected: Any, rtol: float = 1e-6, atol: float = 1e-8) -> None:
    torch.testing.assert_close(found.double(), torch.tensor(expected, dtype=torch.float64), rtol=rtol, atol=atol)


def variance(alpha: Tensor, alive: Tensor) -> Tensor:
    """Return Var[theta_i] = beta_i (B - beta_i) / (B^2 (B + 1)); 0 for pruned operations."""
    beta = dirichlet.concentration(alpha) * alive
    total = beta.sum(-1, keepdim=True)
    return beta * (total - beta) / (total**2 * (total + 1))


def differential_entropy(alpha: Tensor, alive: Tensor) -> Tensor:
    """Return the differential entropy in nats of each row's Dirichlet on the operations that are alive, [edges]."""
    beta, kept = dirichlet.concentration(alpha), alive.to(alpha.dtype)
    total, count = (beta * kept).sum(-1), kept.sum(-1)
    log_beta = (beta.lgamma() * kept).sum(-1) - total.lgamma()
    return log_beta + (total - count) * total.digamma() - ((beta - 1) * beta.digamma() * kept).sum(-1)


@pytest.mark.parametrize("case", CONCENTRATION["cases"])
def test_moments_and_entropies(case: dict[str, Any]) -> None:
    alpha = row(case["alpha"])
    mask = alive(case, alpha.shape[1])
    close(dirichlet.concentration(alpha)[0], case["conc"])
    close((dirichlet.concentration(alpha) * mask).sum(), case["total"])
    close(dirichlet.mean(alpha, mask)[0], case["mean"])
    close(variance(alpha, mask)[0], case["var"])
    close(differential_entropy(alpha, mask)[0], case["diff_entropy"])
    mean = dirichlet.mean(alpha, mask)[mask]
    close(-(mean * mean.log()).sum(), case["mean_entropy"])


@pytest.mark.parametrize("case", CONCENTRATION["cases"])
def test_probability_of_being_the_largest(case: dict[str, Any]) -> None:
    alpha = row(case["alpha"])
    found = dirichlet.argmax_probability(alpha, alive(case, alpha.shape[1]))[0]
    close(found, case["argmax_prob"], rtol=0, atol=CONCENTRATION["meta"]["argmax_prob_atol"])


@pytest.mark.parametrize("case", CONCENTRATION["renormalise"])
def test_a_sample_is_renormalised_over_what_is_kept(case: dict[str, Any]) -> None:
    sample = row(case["sample"])
    weights = dirichlet.renormalise(sample, alive(case, sample.shape[1]))[0]
    kept = weights if len(case["weights"]) == sample.shape[1] else weights[case["kept"]]
    close(kept, case["weights"])


@pytest.mark.parametrize("case", CONCENTRATION["scalar_transform"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_concentration_never_underflows_to_zero(case: dict[str, Any], dtype: torch.dtype) -> None:
    found = dirichlet.concentration(torch.tensor(case["alpha"], dtype=dtype))
    assert found > 0
    close(found, case["conc"], rtol=1e-6)


@pytest.mark.parametrize("case", PATHWISE["cases"])
def test_pathwise_gradient(case: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The sample is given, so the gradient of the reparameterisation is compared."""
    given_sample = row(case["sample"])
    monkeypatch.setattr(torch, "_sample_dirichlet", lambda *_: given_sample.float())
    alpha = row(case["alpha"]).float().requires_grad_()
    weights = dirichlet.draw(alpha, torch.ones_like(alpha, dtype=torch.bool))
    (gradient,) = torch.autograd.grad((weights * row(case["grad_weights"])).sum(), alpha)
    meta = PATHWISE["meta"]
    close(gradient[0], case["grad_alpha"], rtol=meta["rtol"], atol=meta["atol"])


@given(
    alpha=st.lists(st.floats(-30, 30, width=32), min_size=5, max_size=5),
    kept=st.sets(st.integers(0, 4), min_size=1),
    seed=st.integers(0, 1000),
)
def test_a_sample_lies_on_the_simplex_of_what_is_alive(alpha: list[float], kept: set[int], seed: int) -> None:
    torch.manual_seed(seed)
    parameter = torch.tensor([alpha]).requires_grad_()
    mask = torch.tensor([[op in kept for op in range(5)]])
    weights = dirichlet.draw(parameter, mask)
    assert weights.isfinite().all()
    assert (weights >= 0).all()
    assert (weights[~mask] == 0).all()
    assert weights.sum().item() == pytest.approx(1, abs=1e-5)
    (gradient,) = torch.autograd.grad(weights[0, min(kept)], parameter)
    assert gradient.isfinite().all()
    assert (gradient[~mask] == 0).all()


def test_samples_follow_the_distribution() -> None:
    torch.manual_seed(0)
    alpha = torch.tensor([[0.5, -1.0, 1.5]])
    mask = torch.ones(1, 3, dtype=torch.bool)
    draws = dirichlet.draw(alpha.expand(20_000, 1, 3), mask)
    close(draws.mean(0), dirichlet.mean(alpha, mask).tolist(), rtol=0.03)
    close(draws.var(0), variance(alpha, mask).tolist(), rtol=0.06)
