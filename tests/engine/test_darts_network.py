"""The discrete network of DARTS-like cells: its sizes, its outputs, drop path and the auxiliary head."""

from __future__ import annotations

import copy
import functools
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from engine.spaces import drop_path
from engine.spaces.darts.network import CellNetwork
from engine.spaces.darts.stems import PoolToTwo
from runs.genotypes import cell_networks, darts
from runs.genotypes.genotype import Cell, Edge, Genotype
from tests.engine import counting
from tests.engine.plain_network import PlainNetwork
from tests.vectors import load

MACROS = {"cifar": (36, 20, 10, 32), "imagenet": (48, 14, 1000, 224)}


def made(given: dict[str, Any], sharp: bool = False) -> Genotype:
    """Return the genotype of a test vector."""
    concat = {kind: given.get("concat", given.get(f"{kind}_concat")) for kind in ("normal", "reduce")}

    def pairs(kind: str) -> list[tuple[str, int]]:
        # In sharpDARTS's set, dilated convolutions have a second stage without dilation.
        return [(f"sharp_{name}" if sharp and name.startswith("dil_conv") else name, s) for name, s in given[kind]]

    return darts.genotype(pairs("normal"), pairs("reduce"), concat["normal"], concat["reduce"])


def published(name: str) -> Genotype:
    """Return a DrNAS or PR-DARTS genotype by name."""
    if name in load("prdarts/genotypes")["genotypes"]:
        return made(load("prdarts/genotypes")["genotypes"][name])
    return made(next(case for case in load("drnas/cost_darts_eval")["cases"] if case["name"] == name))


def sizes(genotype: Genotype, size: int, **macro: Any) -> tuple[int, int, int]:
    """Return the parameters without the auxiliary head, those of the head, and the MACs, counted on modules."""
    with counting.without_values():
        network = CellNetwork(genotype, auxiliary=True, **macro)
    assert network.auxiliary is not None
    head = counting.parameters(network.auxiliary)
    return counting.parameters(network) - head, head, counting.macs(network, size)


NETWORKS = load("baselines/networks")["networks"]


@pytest.mark.parametrize("name", list(NETWORKS)[1::2])
def test_sizes_on_cifar(name: str) -> None:
    case, expected = NETWORKS[name], NETWORKS[name]["cifar10"]
    family = case["module_set"]
    genotype = made(case["genotype"], sharp=family.startswith("sharp"))
    norms = "affine_pool" if family.startswith("snas") else "plain"
    found = sizes(genotype, 32, channels=36, layers=20, classes=10, stem="cifar", norms=norms)
    assert found == (expected["params"], expected.get("aux_params", found[1]), expected["macs"])


# The auxiliary head's second norm: GDAS's ImageNet head has it.
@pytest.mark.parametrize(
    ("name", "kind", "second_norm"),
    [
        ("DARTS_V2", "imagenet", False),
        ("NASNet_A", "imagenet", False),
        ("AmoebaNet_A", "imagenet", False),
        ("GDAS_V1", "imagenet_C50", True),
        ("SNAS_aggressive_edge_all", "imagenet", False),
    ],
)
def test_sizes_on_imagenet(name: str, kind: str, second_norm: bool) -> None:
    case, expected = NETWORKS[name], NETWORKS[name][kind]
    norms = "affine_pool" if case["module_set"].startswith("snas") else "plain"
    macro = {"channels": expected["C"], "layers": 14, "classes": 1000, "stem": "imagenet"}
    found = sizes(made(case["genotype"]), 224, norms=norms, auxiliary_norm=second_norm, **macro)
    assert found == (expected["params"], expected.get("aux_params", found[1]), expected["macs"])


@pytest.mark.parametrize("case", load("drnas/cost_darts_eval")["cases"][:2], ids=lambda case: case["name"])
def test_sizes_of_drnas_cells(case: dict[str, Any]) -> None:
    for expected in case["networks"]:
        macro = {"channels": expected["C"], "layers": expected["layers"], "classes": expected["classes"]}
        found = sizes(made(case), expected["input"], stem=expected["kind"], norms="pool", **macro)
        assert found == (expected["params"], expected["aux_params"], expected["macs"])


@pytest.mark.parametrize("name", list(load("ista/network")["genotypes"])[1:])
def test_sizes_of_ista_cells(name: str) -> None:
    case = load("ista/network")["genotypes"][name]
    for stem, (channels, layers, classes, size) in MACROS.items():
        for norms, variant in (("plain", "plain"), ("all", "bn")):
            expected = case[f"{stem}_{variant}"]
            macro = {"channels": channels, "layers": layers, "classes": classes, "stem": stem}
            found = sizes(made(case["genotype"]), size, norms=norms, **macro)
            assert found == (expected["params"], expected["aux_params"], expected["macs_conv_linear"])


@pytest.mark.parametrize(
    "case", load("prdarts/network_params")["cases"][::2], ids=lambda case: f"{case['genotype']}-{case['family']}"
)
def test_sizes_of_morphable_cells(case: dict[str, Any]) -> None:
    macro = {"channels": case["channels"], "layers": case["layers"], "classes": case["classes"]}
    macro |= {"stem": case["family"], "auxiliary_norm": True}
    genotype = published(case["genotype"])
    assert sizes(genotype, case["input"], **macro) == (case["params"], case["aux_params"], case["macs"])
    with counting.without_values():
        network = CellNetwork(genotype, **macro)
    assert [counting.parameters(cell) for cell in network.cells] == case["cells"]
    assert counting.parameters(network.classifier) == case["classifier"]


@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
@pytest.mark.parametrize("size", [9, 17, 33])
def test_odd_sizes_are_counted_as_they_run(size: int, stem: str) -> None:
    genotype = published("DrNAS_cifar10")
    macro: dict[str, Any] = {"channels": 4, "layers": 5, "classes": 3, "stem": stem}
    network = CellNetwork(genotype, auxiliary=True, **macro)
    scores, auxiliary = network(torch.zeros(2, 3, size, size))
    assert scores.shape == auxiliary.shape == (2, 3)
    assert counting.macs(network, size) == cell_networks.discrete(genotype, size=size, **macro).macs


FORWARD = [case for case in load("prdarts/forward")["cases"] if case["net"] == "evaluation"]


@pytest.mark.parametrize("case", FORWARD, ids=lambda case: f"{case['genotype']}-{case['family']}-{case['layers']}")
def test_the_network_computes_what_the_public_code_computes(case: dict[str, Any]) -> None:
    network = CellNetwork(
        published(case["genotype"]), channels=case["channels"], layers=case["layers"], classes=10, stem=case["family"]
    )
    by_formula(network.double().eval())
    expected = torch.tensor(case["logits"], dtype=torch.float64)
    with torch.no_grad():
        scores = network(images_by_formula(case["input"]))[0]
    assert (scores - expected).abs().max() <= 1e-6 * expected.abs().max()


def by_formula(network: nn.Module) -> None:
    """Set the weights that the file of forward-pass vectors prescribes."""
    for part in network.modules():
        if isinstance(part, nn.Conv2d):
            part.weight.data = _values(part.weight.shape)
        elif isinstance(part, nn.Linear):
            o, i = torch.meshgrid(*(torch.arange(n) for n in part.weight.shape), indexing="ij")
            part.weight.data = (((o + 2 * i) % 7).double() - 2.5) / (2 * part.in_features**0.5)
            part.bias.data = torch.arange(part.out_features).double() / 10


@functools.cache
def _values(shape: torch.Size) -> Tensor:
    """Return the weights of every convolution of this shape, for networks that do not learn."""
    o, i, r, s = torch.meshgrid(*(torch.arange(n) for n in shape), indexing="ij")
    values = ((o + 2 * i + 3 * r + 5 * s) % 7).double() - 2.5
    return values / (2 * shape[1:].numel() ** 0.5)


def images_by_formula(size: int) -> Tensor:
    c, i, j = torch.meshgrid(torch.arange(3), torch.arange(size), torch.arange(size), indexing="ij")
    return (((7 * c + 3 * i + 5 * j + i * j) % 11).double() / 5 - 1)[None]


# Unused edges, a node without edges, a source read twice, nodes missing from the output, and an input among the
# outputs.
ODD = Genotype(
    "darts",
    {
        "normal": Cell(2, (Edge(1, 3, "max_pool_3x3"), Edge(0, 2, "skip_connect"), Edge(0, 2, "c3m2")), (2, 3, 1)),
        "reduce": Cell(2, (Edge(0, 2, "skip"), Edge(1, 2, "none"), Edge(2, 4, "skip"), Edge(2, 4, "avg3")), (2, 3, 4)),
    },
)
CASES = {
    "drnas": ("DrNAS_cifar10", {"norms": "pool", "stem": "cifar"}),
    "ista": ("DrNAS_imagenet", {"norms": "all", "stem": "cifar"}),
    "snas": ("DR", {"norms": "affine_pool", "stem": "imagenet"}),
    "plain": ("UR", {"norms": "plain", "stem": "imagenet"}),
    "shallow": ("DL2", {"norms": "pool", "stem": "cifar", "layers": 3}),
}


@pytest.mark.parametrize("probability", [0.0, 0.4])
@pytest.mark.parametrize("case", CASES)
def test_the_fast_form_computes_the_plain_one(case: str, probability: float) -> None:
    torch.manual_seed(0)
    name, macro = CASES[case]
    genotype = published(name)
    shape = {"channels": 4, "layers": 5, "classes": 3, "auxiliary": True} | macro
    network = CellNetwork(genotype, **shape).double()
    plain = PlainNetwork(network, genotype)
    images = torch.randn(5, 3, 32, 32, dtype=torch.float64)
    factors = drop_path.factors(network.drops, images, probability, torch.Generator().manual_seed(3))
    scores, auxiliary = network(images, factors)
    found, expected = [scores, auxiliary], plain(images, probability, None if factors is None else factors > 0)
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-10)
    for outputs in (found, expected):
        sum((output * torch.arange(3)).square().mean() for output in outputs).backward()
    theirs = dict(plain.network.named_parameters())
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(parameter.grad, theirs[name].grad, rtol=1e-8, atol=1e-10, msg=name)
    for mine, theirs in zip(network.buffers(), plain.network.buffers(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-10)
    network.eval(), plain.eval()
    torch.testing.assert_close(network(images), plain(images)[0], rtol=1e-10, atol=1e-10)


def test_irregular_cells() -> None:
    """A node without edges is zero; nodes may be left out of the output, and inputs may be in it."""
    torch.manual_seed(0)
    network = CellNetwork(ODD, channels=4, layers=5, classes=3, stem="cifar").double()
    full = Genotype("darts", {kind: filled(cell) for kind, cell in ODD.cells.items()})
    plain = PlainNetwork(network, full)
    images = torch.randn(3, 3, 9, 9, dtype=torch.float64)
    torch.testing.assert_close(network(images)[0], plain(images)[0], rtol=1e-10, atol=1e-10)


def filled(cell: Cell) -> Cell:
    """Return the cell in the order of its nodes, with an edge of zeros into every node that has none."""
    targets = {edge.target for edge in cell.edges}
    bare = [Edge(0, node, "none") for node in range(2, max(targets)) if node not in targets]
    return Cell(2, tuple(sorted([*cell.edges, *bare], key=lambda edge: edge.target)), cell.outputs)


@functools.cache
def small(**changes: Any) -> CellNetwork:
    torch.manual_seed(0)
    shape = {"channels": 4, "layers": 5, "classes": 3, "stem": "cifar", "auxiliary": True} | changes
    return CellNetwork(published("DrNAS_cifar10"), **shape)


def test_evaluation_has_no_auxiliary_head_and_drops_nothing() -> None:
    network = small().eval()
    images = torch.randn(4, 3, 16, 16)
    scores = network(images)
    assert isinstance(scores, Tensor)
    dropped = torch.zeros(network.drops, len(images))
    torch.testing.assert_close(network(images, dropped), scores, rtol=0, atol=0)


def test_a_network_without_auxiliary_head_returns_none_for_it() -> None:
    network = CellNetwork(published("DL1"), channels=4, layers=3, classes=3, stem="cifar").train()
    scores, auxiliary = network(torch.randn(2, 3, 8, 8))
    assert scores.shape == (2, 3)
    assert auxiliary is None


@pytest.mark.parametrize(("norms", "dropped"), [("plain", False), ("all", True)])
def test_drop_path_spares_identities_that_stand_alone(norms: str, dropped: bool) -> None:
    """With every operation dropped, a cell of identities still passes its input on, unless they have batch norms."""
    skips = [("skip_connect", source) for _ in range(4) for source in (0, 1)]
    genotype = darts.genotype(skips, skips)
    network = CellNetwork(genotype, channels=4, layers=4, classes=3, stem="cifar", norms=norms)
    cell = network.cells[0]
    assert cell.drops == (8 if dropped else 0)
    features = torch.randn(2, 12, 8, 8).relu()
    out = cell(features, features, torch.zeros(cell.drops, 2))
    assert bool((out == 0).all()) is dropped
    # In a reduction cell, the same operations have weights.
    assert network.cells[1].drops == 8


def factors_for(network: CellNetwork, images: Tensor, seed: int = 1, probability: float = 0.5) -> Tensor:
    return drop_path.draw(network.drops, len(images), probability, torch.Generator().manual_seed(seed))


def test_only_the_given_factors_decide_what_is_dropped() -> None:
    network = small().train()
    images = torch.randn(4, 3, 16, 16)
    state = torch.get_rng_state()
    first, again, other = (network(images, factors_for(network, images, seed))[0] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(("side", "window", "stride"), [(8, 5, 3), (7, 5, 2)])
def test_the_auxiliary_pool_is_the_papers(side: int, window: int, stride: int) -> None:
    features = torch.randn(2, 3, side, side)
    torch.testing.assert_close(PoolToTwo()(features), nn.functional.avg_pool2d(features, window, stride))


@pytest.mark.parametrize("sides", [(1, 1), (1, 5), (2, 2), (3, 4), (5, 6), (16, 33)])
def test_the_auxiliary_pool_makes_four_of_any_map(sides: tuple[int, int]) -> None:
    found = PoolToTwo()(torch.ones(2, 3, *sides))
    assert found.shape == (2, 3, 2, 2)
    torch.testing.assert_close(found, torch.ones(2, 3, 2, 2))


@pytest.mark.parametrize("name", ["DrNAS_cifar10", "DR"])
def test_channels_last_survives_the_cells(name: str) -> None:
    """A silent copy back to the other memory format would undo the gain."""
    network = CellNetwork(published(name), channels=4, layers=5, classes=3, stem="cifar")
    network.to(memory_format=torch.channels_last)
    strides = []
    for cell in network.cells:
        cell.register_forward_hook(
            lambda _, __, out: strides.append(out.is_contiguous(memory_format=torch.channels_last))
        )
    images = torch.randn(4, 3, 32, 32).to(memory_format=torch.channels_last)
    network(images, factors_for(network, images))
    assert strides == [True] * 5


def test_every_cell_compiles_whole() -> None:
    network = small(layers=3).train()
    images = torch.randn(4, 3, 16, 16)
    factors = factors_for(network, images)
    expected = network(images, factors)
    compiled = copy.deepcopy(network)
    torch.compiler.reset()
    try:
        for part in compiled.parts():
            part.compile(fullgraph=True, dynamic=False, backend="eager")
        found = compiled(images, factors)
    finally:
        torch.compiler.reset()
    torch.testing.assert_close(found, expected)
    assert len(list(compiled.parts())) == 3


class Kernels(TorchDispatchMode):
    """Counts the kernels of a step: operations that are not views, and each gradient of a convolution.

    Attributes:
        count: the number of kernels.
        reads: how often the host waits for a value from the device.
    """

    def __init__(self) -> None:
        super().__init__()
        self.count = self.reads = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.reads += func in (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default)
        is_view = any(out.alias_info is not None and not out.alias_info.is_write for out in func._schema.returns)
        if func is torch.ops.aten.convolution_backward.default:
            self.count += sum(args[-1])
        elif not is_view and func is not torch.ops.aten.empty.memory_format:
            self.count += 1
        return func(*args, **(kwargs or {}))


def test_a_training_step_stays_within_its_kernels() -> None:
    """On small networks, kernel launches dominate the time of a step; public code launches 4,178."""
    network = CellNetwork(
        published("DrNAS_cifar10"), channels=4, layers=20, classes=10, stem="cifar", norms="pool", auxiliary=True
    )
    optimiser = torch.optim.SGD(network.parameters(), 0.025, momentum=0.9, weight_decay=3e-4, foreach=True)
    images, labels = torch.randn(2, 3, 32, 32), torch.zeros(2, dtype=torch.long)
    for _ in range(2):
        optimiser.zero_grad()
        with Kernels() as kernels:
            scores, auxiliary = network(images, factors_for(network, images, probability=0.15))
            losses = [nn.functional.cross_entropy(out, labels) for out in (scores, auxiliary)]
            (losses[0] + 0.4 * losses[1]).backward()
            nn.utils.clip_grad_norm_(network.parameters(), 5, foreach=True)
            optimiser.step()
    assert kernels.count <= 3350
