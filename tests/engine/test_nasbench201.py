"""The NAS-Bench-201 space: derivation, costs, and what its networks compute."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from engine import costs
from engine.spaces.nasbench201 import NasBench201, operations
from engine.spaces.nasbench201.network import NasBench201Network
from engine.spaces.nasbench201.supernet import NasBench201Supernet
from engine.spaces.space import EdgePlan, all_candidates
from runs.catalogue.spaces.nasbench201 import SPACE, NasBench201Settings
from runs.genotypes import nasbench201
from tests.vectors import load

EVERY = all_candidates(SPACE)


def uniform_plan(device: str = "cpu") -> dict[str, EdgePlan]:
    return {"cell": EdgePlan(torch.full((6, 5), 0.2, device=device))}


def supernet(**changes: Any) -> NasBench201Supernet:
    shape = {"channels": 4, "cells": 1, "classes": 10, "candidates": EVERY} | changes
    return NasBench201Supernet(**shape)


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
    assert costs.parameters(network) == case["cifar10"]["params"] == nasbench201.parameters(genotype)
    assert costs.macs(network, 32) == case["cifar10"]["macs"] == nasbench201.macs(genotype)


@pytest.mark.parametrize("size", [8, 9, 11, 15])
def test_odd_sizes_are_counted_as_they_run(size: int) -> None:
    genotype = nasbench201.genotype([3, 2, 3, 1, 4, 3])
    network = NasBench201Network(genotype, channels=4, cells=1, classes=3)
    assert network(torch.zeros(2, 3, size, size)).shape == (2, 3)
    assert costs.macs(network, size) == nasbench201.macs(genotype, channels=4, cells=1, classes=3, size=size)


@pytest.mark.parametrize(
    "case", [c for c in load("drnas/cost_supernets")["cases"] if c["space"] == "nb201" and c["k"] == 1]
)
def test_supernet_costs(case: dict[str, Any]) -> None:
    network = supernet(channels=case["C"], cells=case["N"], classes=case["classes"])
    assert costs.parameters(network) == case["params_without_alpha"]
    assert costs.macs(network, case["input"], uniform_plan("meta")) == case["macs_all_ops"]


@pytest.mark.parametrize("row", [r for r in load("drnas/cost_ops")["rows"] if r[0] == "nb201" and r[1] != "none"])
def test_operation_costs(row: list[Any]) -> None:
    _, name, channels, _, affine, parameters, macs = row
    if name == "residual_reduction":
        layer: nn.Module = operations.ResidualReduction(channels)
    else:
        layer = operations.build(name, channels, affine=bool(affine))
    assert costs.parameters(layer) == parameters
    # The counter feeds colour images: bring them to the operation's width, and take that convolution off again.
    widen = nn.Conv2d(3, channels, 1, bias=False)
    assert costs.macs(nn.Sequential(widen, layer), 8) - 3 * channels * 64 == macs


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


def one_hot(chosen: list[int]) -> dict[str, EdgePlan]:
    return {"cell": EdgePlan(torch.nn.functional.one_hot(torch.tensor(chosen), 5).double())}


@pytest.mark.parametrize("chosen", [[3, 1, 2, 0, 4, 3], [0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1], [4, 3, 2, 1, 0, 2]])
def test_a_one_hot_plan_makes_the_supernet_the_discrete_network(chosen: list[int]) -> None:
    torch.manual_seed(0)
    shared = supernet().double().train()
    discrete = NasBench201Network(nasbench201.genotype(chosen), channels=4, cells=1, classes=10).double().train()
    discrete.body[0].load_state_dict(shared.stem.state_dict())
    discrete.head.load_state_dict(shared.head.state_dict())
    for mine, theirs in zip(list(discrete.body)[1:], shared.blocks, strict=True):
        if isinstance(theirs, operations.ResidualReduction):
            mine.load_state_dict(theirs.state_dict())
            continue
        for edge, op in enumerate(chosen):
            if SPACE.operations[op].startswith("nor_conv"):
                mine.edges[edge][1].load_state_dict(theirs.edges[edge][str(op)][1].state_dict())
    images = torch.randn(4, 3, 8, 8, dtype=torch.float64)
    torch.testing.assert_close(shared(images, one_hot(chosen)), discrete(images), rtol=1e-12, atol=1e-12)


def test_operations_outside_the_active_list_do_not_run() -> None:
    torch.manual_seed(0)
    network = supernet().eval()
    plan = EdgePlan(torch.full((6, 5), 0.2))
    masked = EdgePlan(plan.weights * torch.tensor([0.0, 1, 0, 1, 0]))
    active = EdgePlan(plan.weights, active=((1, 3),) * 6)
    images = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(network(images, {"cell": active}), network(images, {"cell": masked}))


def test_edge_scale_multiplies_the_sum_of_an_edge() -> None:
    torch.manual_seed(0)
    network = supernet().eval()
    scale, weights = torch.rand(6), torch.rand(6, 5)
    images = torch.randn(2, 3, 8, 8)
    scaled = network(images, {"cell": EdgePlan(weights, edge_scale=scale)})
    torch.testing.assert_close(scaled, network(images, {"cell": EdgePlan(weights * scale[:, None])}))


def test_pruned_operations_are_not_built() -> None:
    kept = {"cell": ((0, 1, 3),) * 6}
    small, full = supernet(candidates=kept), supernet()
    assert costs.parameters(full) - costs.parameters(small) == 6 * (4 * 4 + 8 * 8 + 16 * 16)


def test_batch_statistics_in_evaluation_on_request() -> None:
    torch.manual_seed(0)
    images, other = torch.randn(4, 3, 8, 8), torch.randn(4, 3, 8, 8)
    both = torch.cat([images, other])
    by_batch = supernet(track_statistics=False).eval()
    running = supernet(track_statistics=True).eval()

    def depends_on_neighbours(network: nn.Module) -> bool:
        alone: Tensor = network(images, uniform_plan())
        together: Tensor = network(both, uniform_plan())[:4]
        return not torch.allclose(alone, together, atol=1e-5)

    assert depends_on_neighbours(by_batch)
    assert not depends_on_neighbours(running)


def test_channels_last_survives_a_cell() -> None:
    """A silent copy back to the other order would cost what the layout saves."""
    network = supernet().to(memory_format=torch.channels_last)
    features = torch.randn(2, 4, 8, 8).to(memory_format=torch.channels_last)
    out = network.blocks[0](features, uniform_plan()["cell"])
    assert out.is_contiguous(memory_format=torch.channels_last)


def test_every_architecture_round_trips_through_the_space() -> None:
    space = NasBench201(SPACE, NasBench201Settings(), 10)
    cells = list(itertools.product(range(5), repeat=6))
    for chosen in random.Random(0).sample(cells, 200):
        scores = [[float(op == pick) for op in range(5)] for pick in chosen]
        assert space.chosen(space.derive({"cell": scores}, EVERY)) == {"cell": list(chosen)}
