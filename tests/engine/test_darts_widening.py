"""Widening the supernet of DARTS-like cells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from engine.spaces.darts import widening
from engine.spaces.darts.operations import build_normed
from engine.spaces.darts.supernet import DartsSupernet
from engine.spaces.layers import Rectified
from engine.spaces.space import CellWeights
from runs.catalogue.spaces.darts import SPACE
from tests.vectors import load

KINDS = ("normal", "reduce")
CASES = [case for case in load("drnas/net2wider")["ops"] if case["space"] == "darts"]


def tensor(given: dict[str, Any]) -> Tensor:
    return torch.tensor(given["data"]).reshape(given["shape"])


def layers(name: str, channels: int, stride: int) -> nn.Module:
    built = build_normed(name, channels, stride, affine=False, norms="pool")
    return built.body if isinstance(built, Rectified) else built


def ordered(module: nn.Module) -> list[Tensor]:
    """Return kernels and running statistics in the order of the vectors."""
    return list(module.state_dict().values())


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c['op']}-{c['stride']}-{c['channels']}")
def test_operations_of_the_vectors(case: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = case["channels"]
    narrow, wide = (layers(case["op"], channels, case["stride"]) for channels in (old, new))
    for mine, given in zip(ordered(narrow), case["before"].values(), strict=True):
        mine.copy_(tensor(given))
    drawn: Iterator[list[int]] = iter(case["indices"].values())
    monkeypatch.setattr(widening, "duplicates", lambda *_: torch.tensor(next(drawn)))
    changes = widening.channels(wide, narrow.state_dict(), torch.Generator())
    with pytest.raises(StopIteration):
        next(drawn)
    assert set(changes) == set(wide.state_dict())
    found = {name: change(narrow.state_dict()[name]) for name, change in changes.items()}
    expected = dict(zip(wide.state_dict(), case["after"].values(), strict=True))
    # The public code takes copies for this batch norm from the wrong channels
    # (docs/methods/drnas.md, "Batch norms are widened with their convolutions").
    for name, right in case.get("aligned_bn_after", {}).items():
        expected[f"1.{name}"] = right
    for name, value in found.items():
        torch.testing.assert_close(value, tensor(expected[name]))


def supernet(partial: int, candidates: dict[str, tuple[tuple[int, ...], ...]]) -> DartsSupernet:
    return DartsSupernet(
        operations=SPACE.operations,
        edges=SPACE.edges,
        candidates=candidates,
        channels=12,
        layers=3,
        classes=3,
        partial=partial,
    )


def stages() -> tuple[DartsSupernet, DartsSupernet]:
    before, after = (dict.fromkeys(KINDS, (kept,) * 14) for kept in (tuple(range(8)), (0, 2, 3, 4, 7)))
    old = supernet(6, before)
    for buffer in old.buffers():
        if buffer.is_floating_point():
            buffer.uniform_(0.5, 1.5)
    return old, supernet(3, after)


def test_a_whole_supernet_with_its_momentum() -> None:
    old, new = stages()
    generator = torch.Generator().manual_seed(3)
    momentum = widening.widen(old.state_dict(), new, generator)
    assert set(momentum) == {name for name, _ in new.named_parameters()}
    before = old.state_dict()
    for name, value in new.state_dict().items():
        if value.dim() > 1:
            # The old values come first, on both axes.
            corner = tuple(map(slice, before[name].shape))
            assert torch.equal(value[corner], before[name]), name
    parameters = dict(new.named_parameters())
    for name, parameter in old.named_parameters():
        if name in momentum:
            # Each kernel keeps its momentum, channel by channel.
            torch.testing.assert_close(momentum[name](2 * parameter), 2 * parameters[name])
    assert any(name not in momentum for name, _ in old.named_parameters())
    mixing = {kind: CellWeights(torch.full((14, 8), 0.2)) for kind in KINDS}
    assert bool(new(torch.randn(2, 3, 16, 16), mixing).isfinite().all())


def test_the_same_draw_widens_alike() -> None:
    (old, first), (_, second), (_, third) = stages(), stages(), stages()
    for network, seed in ((first, 3), (second, 3), (third, 4)):
        widening.widen(old.state_dict(), network, torch.Generator().manual_seed(seed))
    states = [network.state_dict() for network in (first, second, third)]
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
    assert any(not torch.equal(value, states[2][name]) for name, value in states[0].items())


def test_without_more_channels_weights_stay_as_they_are() -> None:
    kept = dict.fromkeys(KINDS, ((2, 3, 6),) * 14)
    old, new = supernet(3, {kind: (tuple(range(8)),) * 14 for kind in KINDS}), supernet(3, kept)
    widening.widen(old.state_dict(), new, torch.Generator())
    before = old.state_dict()
    for name, value in new.state_dict().items():
        assert torch.equal(value, before[name])
