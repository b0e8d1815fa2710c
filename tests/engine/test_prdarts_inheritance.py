"""Inheritance in PR-DARTS, compared with the public routine's weights and by properties; the mixed edge."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from engine.spaces.darts.inheritance import inherit
from engine.spaces.darts.mixing import MixedEdge, NodeSum, Source
from engine.spaces.darts.operations import build
from engine.spaces.layers import Rectified
from tests.vectors import load

CASES = load("prdarts/inherit")["cases"]
MIXED = load("prdarts/mixed_op")["cases"]
CLOSE = {"rtol": 0, "atol": 5e-6}


def numbers(values: list[Any], *shape: int) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).reshape(shape)


def made(name: str, channels: int, stride: int) -> Rectified:
    module = build(name, channels, stride, affine=False)
    assert isinstance(module, Rectified)
    return module.double()


def rows(module: Rectified) -> list[nn.Module]:
    return [layer for layer in module.body.children() if not isinstance(layer, nn.ReLU)]


@torch.no_grad()
def set_weights(module: Rectified, stages: list[dict[str, Any]]) -> None:
    """Set the weights of a stack of separable convolutions to those of a vector."""
    layers = rows(module)
    for stage, depthwise, pointwise, norm in zip(stages, layers[::3], layers[1::3], layers[2::3], strict=True):
        assert isinstance(norm, nn.BatchNorm2d)
        depthwise.weight.copy_(numbers(stage["dw"], *depthwise.weight.shape))
        pointwise.weight.copy_(numbers(stage["pw"], *pointwise.weight.shape))
        norm.running_mean.copy_(numbers(stage["mean"], -1))
        norm.running_var.copy_(numbers(stage["var"], -1))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['parent']}-{case['child']}-{case['stride']}")
def test_a_child_inherits_what_the_public_code_gives_it(case: dict[str, Any]) -> None:
    parent, child = (made(case[who], case["channels"], case["stride"]) for who in ("parent", "child"))
    set_weights(parent, case["parent_weights"])
    with torch.no_grad():
        for tensor in child.state_dict().values():
            tensor.fill_(7)  # no value may stay as it was
    inherit(child.body, parent.body, case["morph"], torch.Generator().manual_seed(0))
    mine, theirs = child.state_dict(), made(case["child"], case["channels"], case["stride"])
    set_weights(theirs, case["child_weights"])
    if case["morph"] == "widen":  # the new rows are random: only what follows from the parent is given
        old = case["new_channels"][0]
        first = 4 * case["widened_stage"]
        for key, values in theirs.state_dict().items():
            if key in (f"body.{first + 1}.weight", f"body.{first + 4}.weight"):
                assert not torch.equal(mine[key][old:], values[old:])
                mine[key][old:] = values[old:]
    torch.testing.assert_close(dict(mine), dict(theirs.state_dict()))

    x = numbers(case["x"], *case["x_shape"])
    parent_train = case.get("parent_train", case["child_train"])
    for module, outputs, train in (
        (parent, case["parent_eval"], False),
        (child, case["child_eval"], False),
        (parent, parent_train, True),
        (child, case["child_train"], True),
    ):
        torch.testing.assert_close(module.train(train)(x), numbers(outputs, *case["y_shape"]), **CLOSE)


NAMES = st.builds(
    lambda kernel, dilation, multipliers: (
        f"c{kernel}{f'd{dilation}' if dilation > 1 and kernel > 1 else ''}"
        f"{'m' if multipliers else ''}{'.'.join(map(str, multipliers))}"
    ),
    st.sampled_from([1, 3, 5]),
    st.sampled_from([1, 2]),
    st.lists(st.integers(1, 3), max_size=2).map(lambda found: sorted(found, reverse=True)),
)


@settings(max_examples=40)
@given(NAMES, st.sampled_from(["k+", "widen"]), st.sampled_from([1, 2]), st.integers(0, 99))
def test_larger_kernels_and_wider_stages_keep_the_function(parent: str, morphism: str, stride: int, seed: int) -> None:
    head, _, tail = parent.partition("m")
    if morphism == "k+":
        child = f"c{int(head[1]) + 2}{parent[2:]}"
    else:
        multipliers = [int(part) for part in (tail or "1").split(".")]
        parent = f"{head}m{'.'.join(map(str, multipliers))}"
        multipliers[multipliers.index(min(multipliers))] += 1
        child = f"{head}m{'.'.join(map(str, multipliers))}"
    torch.manual_seed(seed)
    first, second = made(parent, 3, stride), made(child, 3, stride)
    for norm in first.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2)
    inherit(second.body, first.body, morphism, torch.Generator().manual_seed(seed))
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    for train in (False, True):
        torch.testing.assert_close(second.train(train)(x), first.train(train)(x), rtol=0, atol=1e-12)


def test_new_channels_have_the_spread_of_their_own_block() -> None:
    """Xavier-normal with the fans of the block: sqrt(2 / (in + out)); a new depthwise kernel sees one channel."""
    parent, child = made("c3m1", 64, 1), made("c3m2", 64, 1)
    inherit(child.body, parent.body, "widen", torch.Generator().manual_seed(0))
    pointwise, depthwise = child.body[1].weight[64:], child.body[4].weight[64:]
    assert pointwise.std().item() == pytest.approx((2 / 128) ** 0.5, rel=0.1)
    assert depthwise.std().item() == pytest.approx((2 / (9 + 9 * 64)) ** 0.5, rel=0.1)
    assert not child.body[5].weight[:, 64:].any()


@pytest.mark.parametrize("case", MIXED, ids=lambda case: f"stride {case['stride']}, {len(case['ops'])} operations")
def test_an_edge_mixes_as_the_public_code_does(case: dict[str, Any]) -> None:
    names, channels, stride = [of["op"] for of in case["ops"]], case["channels"], case["stride"]
    source = Source(names, channels, stride, partial=1, norms="pool").double().eval()
    edge = MixedEdge(dict(enumerate(names)), channels, stride, affine=False, norms="pool").double().eval()
    for column, of in enumerate(case["ops"]):
        if "bn" in of:
            norm = source.pools[of["op"]][1]
            norm.running_mean.copy_(numbers(of["bn"]["mean"], -1))
            norm.running_var.copy_(numbers(of["bn"]["var"], -1))
        elif of["op"] == "skip" and stride == 2:
            set_reduction(edge.operations[str(column)], of["weights"])
        elif "weights" in of:
            set_weights(Rectified(edge.operations[str(column)]), of["weights"])
    alpha = numbers(case["alpha"][: len(names)], -1)
    total = NodeSum()
    with torch.no_grad():
        scales = {op: weight.repeat(channels) for op, weight in enumerate(alpha.softmax(0))}
        view = source(numbers(case["x"], *case["x_shape"]))
        edge(total, view, scales, range(len(names)), 0.0, [None] * len(names))
    found = total.total()
    assert found is not None
    torch.testing.assert_close(found, numbers(case["y"], *case["y_shape"]), **CLOSE)


@torch.no_grad()
def set_reduction(layers: nn.Module, weights: dict[str, Any]) -> None:
    halves, norm = layers.children()
    for half, name in ((halves.unshifted, "conv_1"), (halves.shifted, "conv_2")):
        half.weight.copy_(numbers(weights[name], *half.weight.shape))
    norm.running_mean.copy_(numbers(weights["mean"], -1))
    norm.running_var.copy_(numbers(weights["var"], -1))
