"""Candidates of a node's edges computed together, as on a GPU: the same function, statistics and checkpoints."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.spaces.darts import merging
from engine.spaces.darts.supernet import DartsSupernet
from engine.tools.kernels import Kernels
from tests.engine.test_darts_forms import EVERY, KINDS, MORPHABLE, mixing, same, shape, some

pytestmark = pytest.mark.usefixtures("float64")


def forms(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> Iterator[DartsSupernet]:
    """Yield the supernet edge by edge, then the same supernet with merged edges."""
    network = DartsSupernet(**shape(**changes))
    for each in (network, copy.deepcopy(network)):
        monkeypatch.setattr(merging, "DEVICES", set() if each is network else {"cpu"})
        yield each


def step(network: DartsSupernet, images: Tensor, active: Any = None) -> list[Tensor | None]:
    """Return scores and all gradients of two steps, of scores in evaluation, and all statistics."""
    found: list[Tensor | None] = []
    for _ in range(2):
        given = mixing(scale=True, active=active)
        network.zero_grad()
        torch.manual_seed(1)  # of drop path
        scores = network(images, given)
        (scores**2).sum().backward()
        found += [scores, *(given[kind].weights.grad for kind in KINDS), *(part.grad for part in network.parameters())]
    network.eval()
    with torch.no_grad():
        found.append(network(images, given))
    return [*found, *network.state_dict().values()]


NCHW, NHWC = torch.contiguous_format, torch.channels_last


@pytest.mark.parametrize(
    ("changes", "layout", "drop_path"),
    [
        ({}, NCHW, 0.0),
        ({}, NCHW, 0.3),
        ({}, NHWC, 0.0),
        ({}, NHWC, 0.3),
        # Neither layout nor drop path knows which norms or operations a candidate has.
        ({"norms": "all", "affine": True}, NHWC, 0.3),
        ({"norms": "affine_pool", "stem": "imagenet"}, NHWC, 0.0),
        ({"partial": 2, "channels": 4}, NHWC, 0.3),
        ({"partial": 2, "channels": 4}, NCHW, 0.0),
        ({"operations": MORPHABLE}, NHWC, 0.0),
        ({"candidates": some(dict.fromkeys(KINDS, (EVERY,) * 14), 3)}, NCHW, 0.3),
    ],
    ids=str,
)
def test_merged_edges_compute_the_same(
    changes: dict[str, Any], layout: Any, drop_path: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    side = 32 if changes.get("stem") == "imagenet" else 8
    images = torch.randn(3, 3, side, side).to(memory_format=layout)
    results, names = [], []
    for network in forms(monkeypatch, **changes):
        network.to(memory_format=layout)  # type: ignore[call-overload]
        network.drop_path = drop_path
        names.append(list(network.state_dict()))
        results.append(step(network, images))
        assert list(network.state_dict()) == names[0]
    for found, expected in zip(*results, strict=True):
        same(expected, found)


def test_a_candidate_that_only_some_edges_run_is_not_merged(monkeypatch: pytest.MonkeyPatch) -> None:
    images = torch.randn(3, 3, 8, 8)
    active = some(dict.fromkeys(KINDS, (EVERY,) * 14), 0)
    expected, found = (step(network, images, active) for network in forms(monkeypatch))
    for one, two in zip(found, expected, strict=True):
        same(one, two)


def test_statistics_survive_a_move_and_a_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    images = torch.randn(3, 3, 8, 8)
    *_, network = forms(monkeypatch)
    monkeypatch.setattr(merging, "DEVICES", {"cpu"})
    step(network, images)
    other = DartsSupernet(**shape())
    other.load_state_dict(network.state_dict())
    for each in (network, other):
        each.train().to(torch.float32).to(torch.float64)
    network.load_state_dict(other.state_dict())
    for one, two in zip(step(network, images), step(other, images), strict=True):
        same(one, two)


def test_merging_saves_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forward and backward: 10,049 kernels become 7,073 with eight cells."""
    counts = []
    for network in forms(monkeypatch):
        given, images = mixing(), torch.randn(2, 3, 8, 8)
        network(images, given)
        with Kernels() as kernels:
            network(images, given).sum().backward()
        counts.append(kernels.count)
    assert counts[1] < 0.75 * counts[0]
