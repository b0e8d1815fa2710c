"""The operations of DARTS-like cells: outputs and costs, at any size."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.spaces.darts.operations import FactorizedReduce, ReluConvBn, build, build_normed
from engine.spaces.layers import Rectified
from runs.catalogue.spaces.darts import SPACE
from runs.genotypes import operations as described
from tests.engine import counting
from tests.engine.plain_supernet import PlainEdge
from tests.vectors import load

FORWARD = load("baselines/op_forward")
PARTIAL = load("drnas/partial_channel")
EVERY = sorted(
    set(described.USUAL)
    | {"max_pool_5x5", "flood_conv_3x3", "choke_conv_5x5", "sharp_dil_conv_3x3", "dil_flood_conv_5x5", "c5d3m2.1"}
)


def vector_op(case: dict[str, Any]) -> tuple[nn.Module, int]:
    """Return the module of a case of ``op_forward``, and its number of input channels."""
    channels = case.get("channels", FORWARD["channels"])
    if case["op"] == "factorized_reduce":
        return FactorizedReduce(channels, case["channels_out"]), channels
    if "mixed_edge" in case["op"]:
        partial = 4 if case["op"].endswith("k4") else 1
        return PlainEdge(dict(enumerate(SPACE.operations)), channels, case["stride"], partial=partial), channels
    return build(case["op"], channels, case["stride"], affine=case["affine"]), channels


def case_name(case: dict[str, Any]) -> str:
    return f"{case['op']}-{case.get('stride', 2)}"


@pytest.mark.parametrize("case", [c for c in FORWARD["cases"] if c["space"] == "darts"], ids=case_name)
def test_operations_compute_what_the_public_code_computes(case: dict[str, Any]) -> None:
    layer, channels = vector_op(case)
    layer.double().eval()
    for place, convolution in enumerate(part for part in layer.modules() if isinstance(part, nn.Conv2d)):
        flat = torch.arange(convolution.weight.numel())
        convolution.weight.data = ((((flat * 5 + place * 3) % 7) - 3).double() / 10).reshape(convolution.weight.shape)
    flat = torch.arange(channels * FORWARD["height"] ** 2)
    features = ((((flat * 7) % 11) - 5).double() / 5).reshape(1, channels, FORWARD["height"], FORWARD["height"])
    if isinstance(layer, PlainEdge):
        out = layer(features, torch.tensor(case["weights"]).double(), range(8))
    else:
        out = layer(features)
    assert list(out.shape[1:]) == case["shape"]
    values = out.detach().flatten()
    found = [values.sum(), (values**2).sum(), (values * (torch.arange(len(values)) % 13)).sum()]
    expected = [case["sum"], case["sum_squares"], case["ramp_dot"]]
    assert torch.stack(found).tolist() == pytest.approx(expected, rel=1e-6, abs=1e-8)
    assert values[:6].tolist() == pytest.approx(case["first"], rel=1e-6, abs=1e-8)
    assert values[-3:].tolist() == pytest.approx(case["last"], rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("stride", [1, 2])
def test_shapes_and_costs_at_even_and_odd_sizes(name: str, stride: int) -> None:
    for size, affine in itertools.product((1, 4, 5, 7), (False, True)):
        layer = build(name, 6, stride, affine=affine)
        assert layer(torch.zeros(2, 6, size, size)).shape == (2, 6, -(-size // stride), -(-size // stride))
        expected = described.cost(described.operation(name), 6, size, stride, affine=affine)
        assert (counting.parameters(layer), alone(layer, 6, size)) == (expected.parameters, expected.macs)


def alone(layer: nn.Module, channels: int, size: int) -> int:
    """Return a layer's MACs. The counter feeds RGB images, so a convolution widens them; its MACs are subtracted."""
    widen = nn.Conv2d(3, channels, 1, bias=False)
    return counting.macs(nn.Sequential(widen, layer), size) - 3 * channels * size**2


@pytest.mark.parametrize(
    "case", load("baselines/op_and_supernet_costs")["ops"], ids=lambda c: f"{c['op']}-{c['stride']}"
)
def test_costs_of_operations(case: dict[str, Any]) -> None:
    channels, size = case["channels"], case["height"]
    with torch.device("meta"):
        search = build(case["op"], channels, case["stride"], affine=False)
        trained = build(case["op"], channels, case["stride"], affine=True)
    assert counting.parameters(search) == case["params_no_affine"]
    assert counting.parameters(trained) == case["params_affine"]
    assert alone(trained, channels, size) == case["macs"]


@pytest.mark.parametrize("case", load("baselines/op_and_supernet_costs")["preprocess"], ids=str)
def test_costs_of_preprocessing(case: dict[str, Any]) -> None:
    kind = FactorizedReduce if case["module"] == "factorized_reduce" else ReluConvBn
    with torch.device("meta"):
        for affine, key in ((True, "params_affine"), (False, "params_no_affine")):
            layer = kind(case["c_in"], case["c_out"], affine=affine)
            assert counting.parameters(layer) == case[key]
    assert alone(layer, case["c_in"], case["height"]) == case["macs"]


ROWS = [row for row in load("drnas/cost_ops")["rows"] if row[0] == "darts" and row[1] in SPACE.operations]


def test_costs_of_drnas_operations() -> None:
    assert ROWS
    for _, name, channels, stride, affine, parameters, macs in ROWS:
        with torch.device("meta"):
            layer = build(name, channels, stride, affine=bool(affine))
        assert (counting.parameters(layer), alone(layer, channels, 8)) == (parameters, macs), name


def test_costs_of_morphable_operations() -> None:
    for case in load("prdarts/op_cost")["cases"]:
        for row, stride in itertools.product(case["ops"], (1, 2)):
            bare, affine, macs = row[f"s{stride}"]
            with torch.device("meta"):
                search = build(row["op"], case["channels"], stride, affine=False)
                trained = build(row["op"], case["channels"], stride, affine=True)
            found = (
                counting.parameters(search),
                counting.parameters(trained),
                alone(search, case["channels"], case["input"]),
            )
            assert found == (bare, affine, macs), row["op"]


def test_a_reduction_of_an_odd_side_sees_zeros_beyond_the_edge() -> None:
    layer = FactorizedReduce(3, 4).double().eval()
    features = torch.randn(2, 3, 5, 7, dtype=torch.float64)
    padded = functional.pad(features, (0, 1, 0, 1))
    torch.testing.assert_close(layer(features), layer(padded), rtol=0, atol=0)


def test_a_reduction_splits_an_odd_width() -> None:
    assert FactorizedReduce(2, 5)(torch.zeros(2, 2, 4, 4)).shape == (2, 5, 2, 2)


@pytest.mark.parametrize("name", ["sep_conv_3x3", "dil_conv_5x5", "conv_7x1_1x7", "conv_3x3", "skip_connect"])
def test_the_body_of_an_operation_takes_rectified_features(name: str) -> None:
    layer = build(name, 4, 2, affine=True)
    assert isinstance(layer, Rectified)
    features = torch.randn(2, 4, 8, 8)
    expected, kept = layer(features), features.clone()
    rectified = features.relu()
    torch.testing.assert_close(layer.body(rectified), expected)
    # Other operations read the same tensors.
    assert torch.equal(features, kept)
    assert torch.equal(rectified, kept.relu())


@pytest.mark.parametrize(
    ("norms", "after_pool", "after_skip"),
    [("plain", None, None), ("pool", False, None), ("affine_pool", True, None), ("all", True, True)],
)
def test_norms_after_operations_without_weights(norms: str, after_pool: bool | None, after_skip: bool | None) -> None:
    def affine(name: str, stride: int = 1) -> bool | None:
        built = build_normed(name, 4, stride, affine=True, norms=norms)
        if not isinstance(built, nn.Sequential):
            return None
        norm = built[1]
        assert isinstance(norm, nn.BatchNorm2d)
        return norm.affine

    assert affine("max_pool_3x3") is affine("avg_pool_3x3", 2) is affine("max3") is after_pool
    assert affine("skip_connect") is affine("skip") is after_skip
    # A strided skip ends in its own batch norm.
    assert affine("skip_connect", 2) is affine("sep_conv_3x3") is affine("none") is None


def test_batch_statistics_on_request() -> None:
    layer = build("sep_conv_3x3", 4, 1, affine=False, track_statistics=False)
    assert not dict(layer.named_buffers())


def tensor(given: dict[str, Any]) -> Tensor:
    return torch.tensor(given["data"], dtype=torch.float64).reshape(given["shape"])


@pytest.mark.parametrize("case", PARTIAL["shuffle"], ids=str)
def test_shuffle(case: dict[str, Any]) -> None:
    features = torch.arange(case["channels"]).view(1, -1, 1, 1).float()
    assert functional.channel_shuffle(features, case["groups"]).flatten().tolist() == case["source_of_output"]


@pytest.mark.parametrize("case", PARTIAL["assembly"], ids=lambda c: f"{c['channels']}-{c['k']}-{c['stride']}")
def test_processed_channels_beside_the_others(case: dict[str, Any]) -> None:
    edge = PlainEdge({0: "skip_connect"}, case["channels"], case["stride"], partial=case["k"])
    processed = tensor(case["processed"])
    edge.operations["0"] = Constant(processed)
    found = edge(tensor(case["input"]), torch.ones(1), (0,))
    torch.testing.assert_close(found, tensor(case["output"]), rtol=2e-5, atol=2e-5)


class Constant(nn.Module):
    """An operation with a given output."""

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.value = value

    def forward(self, features: Tensor) -> Tensor:
        return self.value


@pytest.mark.parametrize("case", PARTIAL["shapes"], ids=lambda c: f"{c['channels']}-{c['k']}-{c['stride']}")
def test_shapes_of_partial_channels(case: dict[str, Any]) -> None:
    channels, k, side = case["channels"], case["k"], case["height"]
    edge = PlainEdge({0: "max_pool_3x3", 1: "sep_conv_3x3"}, channels, case["stride"], partial=k)
    assert (edge.width, channels - edge.width) == (case["processed_channels"], case["bypass_channels"])
    found = edge(torch.zeros(1, channels, side, side), torch.ones(2), (0, 1))
    assert list(found.shape[1:]) == case["mixed_output"]


@pytest.mark.parametrize("case", [c for c in PARTIAL["numeric"] if c["space"] == "darts"], ids=str)
def test_a_whole_edge(case: dict[str, Any]) -> None:
    names = dict(enumerate(case["op_order"]))
    edge = PlainEdge(names, case["channels"], case["stride"], partial=case["k"]).double()
    for op, name in names.items():
        fill(edge.operations[str(op)], case["params"].get(name, {}))
    edge.train(case["batch_norm_mode"] == "batch statistics")
    weights = torch.tensor(case["edge_weights"], dtype=torch.float64)
    active = [op for op, weight in enumerate(case["edge_weights"]) if weight]
    found = edge(tensor(case["input"]), weights, active)
    torch.testing.assert_close(found, tensor(case["output"]), rtol=2e-5, atol=2e-5)


def fill(layer: nn.Module, given: dict[str, Any]) -> None:
    """Set convolutions and running statistics, which are listed in the same order."""
    parts = [part for part in layer.modules() if isinstance(part, nn.Conv2d | nn.BatchNorm2d)]
    for part, values in zip(parts, given.values(), strict=True):
        if isinstance(part, nn.Conv2d):
            part.weight.data = tensor(values)
        else:
            part.running_mean, part.running_var = tensor(values["running_mean"]), tensor(values["running_var"])


def test_partial_channels_of_an_odd_side() -> None:
    edge = PlainEdge({0: "max_pool_3x3", 1: "sep_conv_3x3"}, 8, 2, partial=4)
    assert edge(torch.zeros(2, 8, 7, 7), torch.ones(2), (0, 1)).shape == (2, 8, 4, 4)


def test_an_edge_where_nothing_runs() -> None:
    names = {0: "none", 1: "sep_conv_3x3"}
    features = torch.randn(2, 8, 6, 6)
    assert PlainEdge(names, 8, 1)(features, torch.ones(2), (0,)) is None
    beside = PlainEdge(names, 8, 2, partial=4)(features, torch.ones(2), (0,))
    bypassed = functional.channel_shuffle(
        torch.cat([torch.zeros(2, 2, 3, 3), functional.max_pool2d(features[:, 2:], 2)], dim=1), 4
    )
    torch.testing.assert_close(beside, bypassed)
