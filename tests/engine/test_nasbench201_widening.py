"""Widening the operations of a supernet between two stages, compared with the published vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from engine.spaces.channel_duplication import duplicates, widened
from engine.spaces.nasbench201 import NasBench201, operations, widening
from engine.spaces.nasbench201.supernet import NasBench201Supernet
from engine.spaces.space import CellWeights, all_candidates
from runs.catalogue.spaces.nasbench201 import SPACE, NasBench201Settings
from tests.engine.plain_nasbench201 import PlainSupernet
from tests.vectors import load

VECTORS = load("drnas/net2wider")
NB201_OPERATIONS = [case for case in VECTORS["ops"] if case["space"] == "nb201"]
EVERY = all_candidates(SPACE)
KEPT = {"cell": ((0, 1, 3), (1, 2, 3), (2, 3, 4), (0, 2, 3), (1, 3, 4), (0, 3, 4))}


def tensor(of: Mapping[str, Any]) -> Tensor:
    return torch.tensor(of["data"]).reshape(of["shape"])


@pytest.mark.parametrize("case", VECTORS["conv"])
def test_kernels_and_their_momentum(case: dict[str, Any]) -> None:
    inputs, outputs = torch.tensor(case["in_index"]), torch.tensor(case["out_index"])
    assert torch.equal(widened(tensor(case["weight"]), inputs, None), tensor(case["after_in"]))
    assert torch.equal(widened(tensor(case["weight"]), inputs, outputs), tensor(case["after_in_then_out"]))
    assert torch.equal(widened(tensor(case["momentum"]), inputs, outputs), tensor(case["momentum_after"]))


@pytest.mark.parametrize("case", VECTORS["batch_norm"])
def test_statistics_of_a_norm(case: dict[str, Any]) -> None:
    for name, before in case["before"].items():
        assert torch.equal(widened(tensor(before), None, torch.tensor(case["index"])), tensor(case["after"][name]))


@pytest.mark.parametrize("case", NB201_OPERATIONS, ids=lambda case: case["op"])
def test_a_candidate_operation(case: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """With the published lists instead of random ones, in a supernet whose first edge has the operation."""
    old_width, new_width = case["channels"]
    kernel = int(case["op"][-1])
    old, new = (nn.Sequential(operations.ReluConvBn(width, width, kernel, affine=False)) for width in case["channels"])
    old[0].convolution.weight.data.copy_(tensor(case["before"]["conv"]))
    for name in ("running_mean", "running_var"):
        getattr(old[0].norm, name).copy_(tensor(case["before"][f"bn.{name}"]))
    lists = iter([torch.tensor(case["indices"][axis]) for axis in ("in", "out")])
    monkeypatch.setattr(widening, "duplicates", lambda *_: next(lists))
    widening.widen(old.state_dict(), new, torch.Generator())  # type: ignore[arg-type]
    assert torch.equal(new[0].convolution.weight, tensor(case["after"]["conv"]))
    for name in ("running_mean", "running_var"):
        assert torch.equal(getattr(new[0].norm, name), tensor(case["after"][f"bn.{name}"]))
    images = tensor(case["input"])
    found = [net.eval()(images[:, :width]) for net, width in ((old, old_width), (new, new_width))]
    expected = [tensor(case[name]) for name in ("eval_output_before_on_first_channels", "eval_output_after")]
    torch.testing.assert_close(found, expected, rtol=2e-5, atol=2e-5)


def test_duplicates_are_drawn_with_replacement_from_all_channels() -> None:
    drawn = duplicates(4, 4004, torch.Generator().manual_seed(0))
    assert len(drawn) == 4000
    assert torch.bincount(drawn).tolist() == pytest.approx([1000] * 4, rel=0.1)
    assert len(duplicates(4, 4, torch.Generator())) == 0


def stages() -> tuple[NasBench201, NasBench201Supernet, NasBench201Supernet]:
    torch.manual_seed(0)
    space = NasBench201(SPACE, NasBench201Settings(channels=8, cells=1), 10)
    old, new = space.supernet(EVERY, {"partial": 4}), space.supernet(KEPT, {"partial": 2})
    for _ in range(2):
        old(torch.randn(4, 3, 8, 8) + 1, {"cell": CellWeights(torch.rand(6, 5))})
    return space, old, new


def test_a_supernet_is_widened_where_operations_survive() -> None:
    space, old, new = stages()
    changes = space.widen(old.state_dict(), new, torch.Generator().manual_seed(0))
    before = old.state_dict()
    for name, value in new.state_dict().items():
        small = before[name]
        inside = ".edges." in name
        assert value.shape == (tuple(2 * side for side in small.shape[:2]) + small.shape[2:] if inside else small.shape)
        first = value[tuple(slice(side) for side in small.shape)]
        assert torch.equal(first, small), name
    assert list(changes) == [name for name, _ in new.named_parameters()]
    for name, parameter in new.named_parameters():
        assert torch.equal(changes[name](old.get_parameter(name)), parameter)
    plan = {"cell": CellWeights(torch.rand(6, 5))}
    images = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(new.eval()(images, plan), PlainSupernet(new)(images, plan))


def test_inputs_and_outputs_are_drawn_apart_and_a_norm_follows_the_outputs() -> None:
    space, old, new = stages()
    space.widen(old.state_dict(), new, torch.Generator().manual_seed(1))
    apart = 0
    for name, value in new.named_parameters():
        if ".edges." not in name:
            continue
        small, width = old.get_parameter(name), len(value) // 2
        outputs = [
            next(i for i in range(width) if torch.equal(value[j, :width], small[i])) for j in range(width, 2 * width)
        ]
        inputs = [
            next(i for i in range(width) if torch.equal(value[:width, j], small[:, i])) for j in range(width, 2 * width)
        ]
        apart += inputs != outputs
        mean = new.get_buffer(name.replace("1.weight", "2.running_mean"))
        assert torch.equal(mean[width:], mean[:width][outputs])
    assert apart > 5


def test_the_generator_decides() -> None:
    space, old, first = stages()
    again, other = (space.supernet(KEPT, {"partial": 2}) for _ in range(2))
    for network, seed in ((first, 0), (again, 0), (other, 1)):
        space.widen(old.state_dict(), network, torch.Generator().manual_seed(seed))
    states = [network.state_dict() for network in (first, again, other)]
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
    assert not all(torch.equal(value, states[2][name]) for name, value in states[0].items())
