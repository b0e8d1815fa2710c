"""Parts of training, against independently computed values."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional

from engine.training.drop_path import drop_path, scaled
from tests.vectors import load

MISC = load("drnas/misc")


@pytest.mark.parametrize("case", MISC["drop_path"])
def test_drop_path_scales_what_it_keeps(case: dict[str, Any]) -> None:
    features = torch.tensor(case["x"], dtype=torch.float64)
    found = scaled(features, torch.tensor(case["keep_mask"]), case["drop_prob"])
    torch.testing.assert_close(found, torch.tensor(case["out"], dtype=torch.float64), rtol=1e-6, atol=1e-8)


def test_drop_path_drops_whole_images_at_the_given_rate() -> None:
    features = torch.ones(20_000, 2, 1, 1)
    found = drop_path(features, 0.3, torch.Generator().manual_seed(0))
    assert found.unique().tolist() == pytest.approx([0, 1 / 0.7])
    assert (found[:, 0] == found[:, 1]).all()
    assert found.mean().item() == pytest.approx(1, abs=0.02)
    assert drop_path(features, 0.0) is features


@pytest.mark.parametrize("case", MISC["label_smoothing"])
def test_torchs_label_smoothing_is_the_papers(case: dict[str, Any]) -> None:
    """Target (1 - eps) onehot + eps / K, the true class included."""
    logits, targets = torch.tensor(case["logits"], dtype=torch.float64), torch.tensor(case["targets"])
    loss = functional.cross_entropy(logits, targets, label_smoothing=case["epsilon"])
    assert loss.item() == pytest.approx(case["loss"], rel=1e-6)
