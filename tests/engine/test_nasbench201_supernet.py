"""The NAS-Bench-201 supernet compared with its plain form: the same numbers in every mode."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from engine.spaces.nasbench201 import NasBench201, operations
from engine.spaces.nasbench201.cell import MixedCell, Mixture, shuffled
from engine.spaces.nasbench201.network import NasBench201Network
from engine.spaces.nasbench201.pooling import average_pool
from engine.spaces.nasbench201.supernet import NasBench201Supernet
from engine.spaces.space import CellWeights, all_candidates
from runs.catalogue.spaces.nasbench201 import SPACE, NasBench201Settings
from runs.errors import UsageError
from runs.genotypes import nasbench201
from tests.engine import counting
from tests.engine.plain_nasbench201 import PlainSupernet, mixed_edge
from tests.vectors import load

EVERY = all_candidates(SPACE)
PARTIAL = load("drnas/partial_channel")


def supernet(**changes: Any) -> NasBench201Supernet:
    torch.manual_seed(0)
    shape = {"channels": 4, "cells": 1, "classes": 10, "candidates": EVERY} | changes
    return NasBench201Supernet(**shape)


def uniform_plan(device: str = "cpu") -> dict[str, CellWeights]:
    return {"cell": CellWeights(torch.full((6, 5), 0.2, device=device))}


def some(seed: int, of: tuple[tuple[int, ...], ...] = EVERY["cell"]) -> tuple[tuple[int, ...], ...]:
    """Return a random non-empty subset of the operations of each edge."""
    draw = random.Random(seed)
    return tuple(tuple(sorted(draw.sample(row, draw.randint(1, len(row))))) for row in of)


def state_of(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def same(found: Tensor, expected: Tensor) -> None:
    scale = max(expected.norm().item(), 1e-3)
    assert (found - expected).norm().item() <= 1e-10 * scale


def compare(network: NasBench201Supernet, plan: CellWeights) -> None:
    """Compare outputs, gradients of mixing weights and of all weights, running statistics, and then evaluation."""
    network.double().train()
    plain = PlainSupernet(network)
    images = torch.randn(4, 3, 8, 8, dtype=torch.float64)
    coefficients = torch.randn(4, 10, dtype=torch.float64)
    outputs, gradients = [], []
    for each in (network, plain):
        weights = plan.weights.double().requires_grad_()
        scale = None if plan.edge_scale is None else plan.edge_scale.double().requires_grad_()
        scores = each(images, {"cell": CellWeights(weights, plan.active, scale)})
        wanted = [weights, *([] if scale is None else [scale]), *each.parameters()]
        outputs.append(scores.detach())
        gradients.append(torch.autograd.grad((scores * coefficients).sum(), wanted, materialize_grads=True))
    same(*outputs)
    for found, expected in zip(*gradients, strict=True):
        same(found, expected)
    assert list(network.state_dict()) == list(plain.state_dict())
    state = network.state_dict()
    for name, value in plain.state_dict().items():
        same(state[name], value)
    network.eval()
    plain.eval()
    scale = None if plan.edge_scale is None else plan.edge_scale.double()
    plan = CellWeights(plan.weights.double(), plan.active, scale)
    evaluated = [each(images, {"cell": plan}) for each in (network, plain)]
    same(*evaluated)


@pytest.mark.parametrize("partial", [1, 2, 4])
@pytest.mark.parametrize("seed", [None, 0, 1, 2])
def test_any_candidates_compute_what_they_compute_one_by_one(partial: int, seed: int | None) -> None:
    candidates = EVERY if seed is None else {"cell": some(seed)}
    compare(supernet(candidates=candidates, partial=partial), CellWeights(torch.rand(6, 5)))


@pytest.mark.parametrize("partial", [1, 4])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_active_lists_and_edge_scales(partial: int, seed: int) -> None:
    network = supernet(partial=partial)
    compare(network, CellWeights(torch.rand(6, 5), active=some(seed), edge_scale=torch.rand(6)))


@pytest.mark.parametrize("partial", [1, 2])
@pytest.mark.parametrize("chosen", ["000000", "333333", "111111", "302401"])
def test_one_operation_an_edge(partial: int, chosen: str) -> None:
    compare(supernet(partial=partial), CellWeights(torch.rand(6, 5), active=tuple((int(op),) for op in chosen)))


@pytest.mark.parametrize("partial", [1, 2])
def test_operations_outside_the_active_list_do_not_run(partial: int) -> None:
    network = supernet(partial=partial)
    before = state_of(network)
    network(torch.randn(2, 3, 8, 8), {"cell": CellWeights(torch.rand(6, 5), active=((1, 3),) + ((2,),) * 5)})
    for name, value in network.state_dict().items():
        if name.endswith("running_mean") and ".edges." in name:
            edge, op = (int(part) for part in name.split(".")[3:5])
            assert torch.equal(value, before[name]) == ((edge == 0) != (op == 3)), name


def test_the_architecture_phase_computes_no_gradient_of_a_kernel() -> None:
    weights = torch.rand(6, 5, requires_grad=True)
    network = supernet()
    asked: list[list[bool]] = []

    class Convolutions(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func is torch.ops.aten.convolution_backward.default:
                asked.append(list(args[-1]))
            return func(*args, **(kwargs or {}))

    with Convolutions():
        torch.autograd.grad(network(torch.randn(2, 3, 8, 8), {"cell": CellWeights(weights)}).sum(), [weights])
    assert asked
    assert all(mask == [True, False, False] for mask in asked)


@pytest.mark.parametrize("chosen", [[3, 1, 2, 0, 4, 3], [0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1], [4, 3, 2, 1, 0, 2]])
def test_a_one_hot_plan_makes_the_supernet_the_discrete_network(chosen: list[int]) -> None:
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
    plan = CellWeights(functional.one_hot(torch.tensor(chosen), 5).double())
    torch.testing.assert_close(shared(images, {"cell": plan}), discrete(images)[0], rtol=1e-12, atol=1e-12)


# Partial channels against the published vectors --------------------------------------------------------------------


def tensor(of: dict[str, Any]) -> Tensor:
    return torch.tensor(of["data"], dtype=torch.float64).reshape(of["shape"])


@pytest.mark.parametrize("case", [c for c in PARTIAL["numeric"] if c["space"] == "nb201"])
def test_the_plain_form_of_an_edge(case: dict[str, Any]) -> None:
    cell = MixedCell(case["channels"], EVERY["cell"], partial=case["k"]).double()
    edge = cell.edges[0]
    assert isinstance(edge, nn.ModuleDict)
    for op, name in enumerate(case["op_order"]):
        if name in case["params"]:
            values, built = case["params"][name], edge[str(op)]
            built.convolution.weight.data.copy_(tensor(values["conv"]))
            built.norm.running_mean.copy_(tensor(values["running_mean"]))
            built.norm.running_var.copy_(tensor(values["running_var"]))
    cell.train(case["batch_norm_mode"] == "batch statistics")
    weights = torch.tensor(case["edge_weights"], dtype=torch.float64)
    found = mixed_edge(edge, tensor(case["input"]), weights, range(5), case["k"])
    torch.testing.assert_close(found, tensor(case["output"]), rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("case", PARTIAL["shuffle"], ids=lambda case: f"{case['channels']}/{case['groups']}")
def test_the_shuffle(case: dict[str, Any]) -> None:
    channels = torch.arange(case["channels"]).reshape(1, -1, 1, 1)
    mixed, passing = channels.split(
        [case["channels"] // case["groups"], len(channels[0]) - case["channels"] // case["groups"]], 1
    )
    assert shuffled(mixed, passing).flatten().tolist() == case["source_of_output"]


@pytest.mark.parametrize("case", [c for c in PARTIAL["assembly"] if c["stride"] == 1])
def test_the_assembly(case: dict[str, Any]) -> None:
    passing = tensor(case["input"])[:, case["channels"] // case["k"] :]
    assert torch.equal(shuffled(tensor(case["processed"]), passing), tensor(case["output"]))


def test_channels_must_divide() -> None:
    with pytest.raises(UsageError, match="6 channels cannot be divided into 4"):
        supernet(channels=6, partial=4)


@pytest.mark.parametrize("shape", [(2, 3, 8, 8), (2, 3, 7, 4), (1, 2, 1, 5), (1, 1, 1, 1), (2, 1, 2, 3)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_average_pool(shape: tuple[int, ...], layout: torch.memory_format) -> None:
    images = torch.randn(shape, dtype=torch.float64).to(memory_format=layout).requires_grad_()
    found = average_pool(images)
    expected = functional.avg_pool2d(images, 3, 1, 1, count_include_pad=False)
    torch.testing.assert_close(found, expected, rtol=1e-13, atol=1e-13)
    assert found.stride() == images.stride()
    upstream = torch.randn_like(expected)
    torch.testing.assert_close(*(torch.autograd.grad(out, images, upstream)[0] for out in (found, expected)))
    assert torch.autograd.gradcheck(average_pool, images)


# What it costs -----------------------------------------------------------------------------------------------------


def macs(network: nn.Module, size: int) -> int:
    """Return the multiply-accumulates of the operations that run for one image."""
    network.to("meta").eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.empty(1, 3, size, size, device="meta"), uniform_plan("meta"))
    assert counter.get_total_flops() % 2 == 0
    return counter.get_total_flops() // 2


SUPERNETS = [case for case in load("drnas/cost_supernets")["cases"] if case["space"] == "nb201"]


@pytest.mark.parametrize("case", SUPERNETS, ids=lambda case: f"C{case['C']}-k{case['k']}-{case['classes']}")
def test_supernet_costs(case: dict[str, Any]) -> None:
    shape = {"channels": case["C"], "cells": case["N"], "classes": case["classes"]}
    network = supernet(**shape, partial=case["k"])
    assert counting.parameters(network) == case["params_without_alpha"]
    assert macs(network, case["input"]) == case["macs_all_ops"]
    if after := case.get("after_widening"):
        whole = supernet(**shape, partial=after["k"])
        assert counting.parameters(whole) == after["params_without_alpha"]
        assert macs(whole, case["input"]) == after["macs_all_ops"]
        kept = tuple(tuple(row) for row in after["kept_ops_example"])
        live = supernet(**shape, partial=after["k"], candidates={"cell": kept})
        assert counting.parameters(live) == after["live_params_without_alpha"]
        assert macs(live, case["input"]) == after["live_macs"]


def test_pruned_operations_are_not_built() -> None:
    kept = {"cell": ((0, 1, 3),) * 6}
    small, full = supernet(candidates=kept), supernet()
    assert counting.parameters(full) - counting.parameters(small) == 6 * (4 * 4 + 8 * 8 + 16 * 16)


# Statistics, names, layouts ----------------------------------------------------------------------------------------


def test_batch_statistics_in_evaluation_on_request() -> None:
    by_batch = supernet(track_statistics=False).eval()
    running = supernet(track_statistics=True).eval()
    images, other = torch.randn(4, 3, 8, 8), torch.randn(4, 3, 8, 8)
    both = torch.cat([images, other])

    def depends_on_neighbours(network: nn.Module) -> bool:
        alone: Tensor = network(images, uniform_plan())
        together: Tensor = network(both, uniform_plan())[:4]
        return not torch.allclose(alone, together, atol=1e-5)

    assert depends_on_neighbours(by_batch)
    assert not depends_on_neighbours(running)


def test_names_are_those_of_edges_and_operations() -> None:
    names = [name for name in supernet().state_dict() if name.startswith("blocks.0.edges.3.2.")]
    assert [name.removeprefix("blocks.0.edges.3.2.") for name in names] == [
        "1.weight",
        "2.running_mean",
        "2.running_var",
    ]


def trained_a_little(network: NasBench201Supernet) -> NasBench201Supernet:
    for _ in range(3):
        network(torch.randn(8, 3, 8, 8) + 1, uniform_plan())
    return network


@pytest.mark.parametrize("way", ["load", "assign", "copy", "move"])
def test_statistics_follow_a_network_wherever_it_goes(way: str) -> None:
    """The statistics of one norm over several edges are parts of one tensor, which copies must keep."""
    first = trained_a_little(supernet())
    if way == "copy":
        second = copy.deepcopy(first)
    elif way == "move":
        second = copy.deepcopy(first).double().float()
    else:
        second = supernet()
        second.load_state_dict(copy.deepcopy(first.state_dict()), assign=way == "assign")
    images = torch.randn(8, 3, 8, 8)
    for network in (first, second):
        torch.manual_seed(1)
        trained_a_little(network).eval()
    assert torch.equal(first(images, uniform_plan()), second(images, uniform_plan()))
    assert torch.equal(second(images, uniform_plan()), second(images, uniform_plan()))
    state = second.state_dict()
    for name, value in first.state_dict().items():
        assert torch.equal(value, state[name]), name
    torch.testing.assert_close(first(images, uniform_plan()), PlainSupernet(first)(images, uniform_plan()))


def test_channels_last_survives_a_cell() -> None:
    """A silent copy back to the other memory format would undo the gain."""
    network = supernet().to(memory_format=torch.channels_last)
    features = torch.randn(2, 4, 8, 8).to(memory_format=torch.channels_last)
    out = network.blocks[0](features, Mixture(uniform_plan()["cell"], EVERY["cell"]))
    assert out.is_contiguous(memory_format=torch.channels_last)
    assert not out.is_contiguous()


def test_partial_channels_keep_them_apart() -> None:
    network = supernet(partial=2).to(memory_format=torch.channels_last)
    layouts = []
    for block in network.blocks:
        block.register_forward_hook(lambda _, __, out: layouts.append(out.is_contiguous()))
    network(torch.randn(2, 3, 8, 8).to(memory_format=torch.channels_last), uniform_plan())
    assert layouts == [True] * 5
    for parameter in network.parameters():
        assert parameter.stride() == torch.empty(parameter.shape).stride()


@pytest.mark.parametrize("partial", [1, 2])
def test_it_runs_in_half_precision(partial: int) -> None:
    network = supernet(partial=partial)
    images = torch.randn(4, 3, 8, 8)
    weights = torch.rand(6, 5, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        scores = network(images, {"cell": CellWeights(weights)})
    scores.float().sum().backward()
    assert weights.grad is not None
    assert weights.grad.isfinite().all()
    torch.testing.assert_close(
        scores.float(), supernet(partial=partial)(images, {"cell": CellWeights(weights)}), rtol=0.1, atol=0.1
    )


def test_a_stage_chooses_the_partial_channels() -> None:
    space = NasBench201(SPACE, NasBench201Settings(channels=8, cells=1), 10)
    assert space.supernet(EVERY, {}).partial == 1
    assert space.supernet(EVERY, {"partial": 4}).partial == 4
