"""The NAS-Bench-201 space: derivation, costs, and the outputs of its discrete networks."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
import torch
from torch import nn

from engine.spaces.nasbench201 import NasBench201, operations
from engine.spaces.nasbench201.network import NasBench201Network
from engine.spaces.space import all_candidates
from runs.catalogue.spaces.nasbench201 import SPACE, NasBench201Settings
from runs.genotypes import nasbench201
from tests.engine import counting
from tests.vectors import load

EVERY = all_candidates(SPACE)


@pytest.mark.parametrize("case", load("drnas/genotype_nb201")["cases"])
def test_derivation(case: dict[str, Any]) -> None:
    space = NasBench201(SPACE, NasBench201Settings(), 10)
    kept = case["kept"]
    candidates = EVERY if kept is None else {"cell": tuple(tuple(row) for row in kept)}
    genotype = space.derive({"cell": case["alpha"]}, candidates)
    assert nasbench201.format_string(genotype) == case["arch"]
    assert space.chosen(genotype) == {"cell": case["ops"]}


@pytest.mark.parametrize("case", load("drnas/cost_nb201")["cases"][:6])
def test_counting_a_network_agrees_with_the_closed_form(case: dict[str, Any]) -> None:
    genotype = nasbench201.genotype(case["ops"])
    network = NasBench201Network(genotype, channels=16, cells=5, classes=10)
    assert counting.parameters(network) == case["cifar10"]["params"] == nasbench201.parameters(genotype)
    assert counting.macs(network, 32) == case["cifar10"]["macs"] == nasbench201.macs(genotype)


@pytest.mark.parametrize("size", [8, 9, 11, 15])
def test_odd_sizes_are_counted_as_they_run(size: int) -> None:
    genotype = nasbench201.genotype([3, 2, 3, 1, 4, 3])
    network = NasBench201Network(genotype, channels=4, cells=1, classes=3)
    assert network.eval()(torch.zeros(2, 3, size, size)).shape == (2, 3)
    assert counting.macs(network, size) == nasbench201.macs(genotype, channels=4, cells=1, classes=3, size=size)


@pytest.mark.parametrize("row", [r for r in load("drnas/cost_ops")["rows"] if r[0] == "nb201" and r[1] != "none"])
def test_operation_costs(row: list[Any]) -> None:
    _, name, channels, _, affine, parameters, macs = row
    if name == "residual_reduction":
        layer: nn.Module = operations.ResidualReduction(channels)
    else:
        layer = operations.build(name, channels, affine=bool(affine))
    assert counting.parameters(layer) == parameters
    # The counter feeds RGB images: a convolution widens them to the operation's width, and its MACs are subtracted.
    widen = nn.Conv2d(3, channels, 1, bias=False)
    assert counting.macs(nn.Sequential(widen, layer), 8) - 3 * channels * 64 == macs


FORWARD = load("baselines/op_forward")
FORWARD_CASES = [c for c in FORWARD["cases"] if c["space"] == "nb201" and c["op"] != "none"]


@pytest.mark.parametrize("case", FORWARD_CASES, ids=lambda case: case["op"])
def test_operations_compute_what_the_benchmark_computes(case: dict[str, Any]) -> None:
    channels, side = FORWARD["channels"], FORWARD["height"]
    if case["op"] == "residual_block_stride_2":
        layer: nn.Module = operations.ResidualReduction(channels)
    else:
        layer = operations.build(case["op"], channels, affine=True)
    layer.double().eval()
    for place, convolution in enumerate(part for part in layer.modules() if isinstance(part, nn.Conv2d)):
        flat = torch.arange(convolution.weight.numel())
        convolution.weight.data = ((((flat * 5 + place * 3) % 7) - 3).double() / 10).reshape(convolution.weight.shape)
    flat = torch.arange(channels * side * side)
    images = ((((flat * 7) % 11) - 5).double() / 5).reshape(1, channels, side, side)
    out = layer(images).detach()
    assert list(out.shape[1:]) == case["shape"]
    values = out.flatten()
    found = [values.sum(), (values**2).sum(), (values * (torch.arange(len(values)) % 13)).sum()]
    expected = [case["sum"], case["sum_squares"], case["ramp_dot"]]
    assert torch.stack(found).tolist() == pytest.approx(expected, rel=1e-6, abs=1e-8)
    assert values[:6].tolist() == pytest.approx(case["first"], rel=1e-6, abs=1e-8)
    assert values[-3:].tolist() == pytest.approx(case["last"], rel=1e-6, abs=1e-8)


def test_every_architecture_round_trips_through_the_space() -> None:
    space = NasBench201(SPACE, NasBench201Settings(), 10)
    cells = list(itertools.product(range(5), repeat=6))
    for chosen in random.Random(0).sample(cells, 200):
        scores = [[float(op == pick) for op in range(5)] for pick in chosen]
        assert space.chosen(space.derive({"cell": scores}, EVERY)) == {"cell": list(chosen)}
