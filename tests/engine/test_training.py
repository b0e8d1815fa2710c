"""Parts of training, compared with independently computed values."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional

from engine.spaces import drop_path
from tests.vectors import load

MISC = load("drnas/misc")


@pytest.mark.parametrize("case", MISC["drop_path"])
def test_drop_path_scales_what_it_keeps(case: dict[str, Any]) -> None:
    features = torch.tensor(case["x"], dtype=torch.float64)
    factors = drop_path.kept(torch.tensor(case["keep_mask"]), case["drop_prob"], features.dtype)
    found = features * factors.view(-1, *[1] * (features.dim() - 1))
    torch.testing.assert_close(found, torch.tensor(case["out"], dtype=torch.float64), rtol=1e-6, atol=1e-8)


def test_drop_path_drops_each_operation_for_each_image_at_the_given_rate() -> None:
    features = torch.ones(2000, 2, 1, 1)
    found = drop_path.factors(10, features, 0.3, torch.Generator().manual_seed(0))
    assert found is not None
    assert found.shape == (10, 2000)
    assert found.unique().tolist() == pytest.approx([0, 1 / 0.7])
    assert found.mean().item() == pytest.approx(1, abs=0.02)
    independent = torch.corrcoef(found) - torch.eye(10)
    assert independent.abs().max() < 0.1
    assert drop_path.factors(10, features, 0.0) is None


def test_draws_do_not_depend_on_the_type_of_the_features() -> None:
    single, double = (
        drop_path.factors(5, torch.ones(8, dtype=dtype), 0.5, torch.Generator().manual_seed(1))
        for dtype in (torch.float32, torch.float64)
    )
    assert single is not None
    assert double is not None
    assert torch.equal(single.double(), double)


def test_factors_drawn_ahead_are_those_drawn_for_features() -> None:
    ahead = drop_path.draw(5, 8, 0.5, torch.Generator().manual_seed(1))
    beside = drop_path.factors(5, torch.ones(8), 0.5, torch.Generator().manual_seed(1))
    assert beside is not None
    assert torch.equal(ahead, beside)


@pytest.mark.parametrize("case", MISC["label_smoothing"])
def test_torchs_label_smoothing_is_the_papers(case: dict[str, Any]) -> None:
    """The target is (1 - eps) onehot + eps / K, including the true class."""
    logits, targets = torch.tensor(case["logits"], dtype=torch.float64), torch.tensor(case["targets"])
    loss = functional.cross_entropy(logits, targets, label_smoothing=case["epsilon"])
    assert loss.item() == pytest.approx(case["loss"], rel=1e-6)
