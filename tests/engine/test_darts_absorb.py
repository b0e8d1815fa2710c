"""Folding multipliers into batch norms."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

from engine.spaces.darts.absorb import absorb
from engine.spaces.darts.operations import build, build_normed
from tests.vectors import load

OPERATIONS = load("ista/project")["ops"]


@pytest.mark.parametrize("case", load("ista/absorb")["cases"], ids=lambda case: case["id"])
def test_published_cases(case: dict[str, Any]) -> None:
    given = torch.tensor(case["input_per_channel"], dtype=torch.float64)
    norm = nn.BatchNorm2d(len(given), eps=case["eps"]).double().eval()
    for name in ("weight", "bias", "running_mean", "running_var"):
        getattr(norm, name).data = torch.tensor(case[name], dtype=torch.float64)
    absorb(norm, case["alpha"])
    assert norm.weight.tolist() == pytest.approx(case["absorbed_weight"], rel=1e-10)
    assert norm.bias.tolist() == pytest.approx(case["absorbed_bias"], rel=1e-10)
    scores = norm(given.view(1, len(given), -1, 1)).view_as(given)
    assert torch.allclose(scores, torch.tensor(case["output_with_alpha"], dtype=torch.float64), rtol=0, atol=1e-10)


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_of_the_one_stage_network(name: str, stride: int, training: bool) -> None:
    torch.manual_seed(0)
    operation = build_normed(name, 4, stride, affine=True, norms="all").double()
    for norm in (module for module in operation.modules() if isinstance(module, nn.BatchNorm2d)):
        for part in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
            part.data.uniform_(0.5, 2)  # type: ignore[union-attr]
    plain = copy.deepcopy(operation)
    absorb(plain, -0.3)
    features = torch.randn(2, 4, 6, 6, dtype=torch.float64)
    expected = -0.3 * operation.train(training)(features)
    assert torch.allclose(plain.train(training)(features), expected, rtol=0, atol=1e-12)
    assert expected.abs().max() > 0.1


def test_what_ends_in_no_scale_takes_no_factor() -> None:
    for operation in (build("skip_connect", 4, 1, affine=True), build("sep_conv_3x3", 4, 1, affine=False)):
        with pytest.raises(ValueError, match="no batch norm with scale and shift"):
            absorb(operation, 2.0)
