"""Searches on a pretended GPU: every tensor of a run is on its device, from the first step to a resumed one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.engine.test_every_method import check_resuming, configured
from tests.gpu.pretended import pretended_gpu


@pytest.fixture(autouse=True)
def _gpu() -> Iterator[None]:
    with pretended_gpu():
        yield


@pytest.mark.parametrize("name", ["drnas", "gdas"])
def test_a_search_stays_on_its_device(name: str, tmp_path: Path) -> None:
    """``NASTUI_TEST_DEVICE=pretended pytest tests/gpu`` does so with all methods."""
    check_resuming(configured(name, "nasbench201", "cuda:0"), tmp_path / "checkpoint.pt")


def test_tensors_of_two_devices_do_not_mix() -> None:
    there = torch.ones(3, device="cuda:0")
    assert there.device == torch.device("cuda:0")
    assert (there.cpu() + torch.ones(3)).tolist() == [2, 2, 2]
    with pytest.raises(RuntimeError, match="must be on cuda:0"):
        there + torch.ones(3)
