"""The supernet of DARTS-like cells, and the DARTS space around it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from engine.spaces.darts import Darts
from engine.spaces.darts.network import CellNetwork
from engine.spaces.darts.stems import AuxiliaryHead
from engine.spaces.darts.supernet import DartsSupernet, MixedCell
from engine.spaces.layers import Rectified
from engine.spaces.space import Candidates, CellWeights, Supernet, all_candidates
from runs.catalogue.spaces.darts import SPACE, DartsNetworkSettings, DartsSettings
from runs.errors import UsageError
from runs.genotypes import darts, derive
from runs.genotypes.genotype import Cell, Edge, Genotype
from tests.engine import counting
from tests.engine.plain_supernet import PlainSupernet
from tests.engine.test_darts_network import by_formula, images_by_formula, published
from tests.vectors import load

EVERY = all_candidates(SPACE)
KINDS = ("normal", "reduce")

# The plain form is the reference of tests/engine/test_darts_forms.py, where each layer of one form has the shape of its
# layer in the other. So published sizes are checked on one form, and what the public code computes on both.
FORMS = pytest.mark.parametrize("form", [DartsSupernet, PlainSupernet])


def supernet(**changes: Any) -> DartsSupernet:
    return DartsSupernet(**shape(**changes))


def shape(**changes: Any) -> dict[str, Any]:
    """Return the arguments of a small supernet, with these changes."""
    whole = {"operations": SPACE.operations, "edges": SPACE.edges, "candidates": EVERY}
    return whole | {"channels": 4, "layers": 4, "classes": 3} | changes


def uniform(device: str = "cpu", operations: int = 8) -> dict[str, CellWeights]:
    return {kind: CellWeights(torch.full((14, operations), 1 / operations, device=device)) for kind in KINDS}


DRNAS = [case for case in load("drnas/cost_supernets")["cases"] if case["space"] != "nb201"]


@pytest.mark.parametrize("case", DRNAS, ids=lambda c: f"{c['space']}-{c['C']}-{c['k']}-{c['classes']}")
def test_sizes_before_and_after_widening(case: dict[str, Any]) -> None:
    operations = load("drnas/partial_channel")["numeric"][-1]["op_order"]
    macro: dict[str, Any] = {"channels": case["C"], "layers": case["layers"], "classes": case["classes"]}
    macro |= {"stem": case["space"].removeprefix("darts_"), "operations": operations}

    every = {kind: (tuple(range(7)),) * 14 for kind in KINDS}
    stages = [(case["k"], every, case["params_without_alpha"], case["macs_all_ops"])]
    if wide := case.get("after_widening"):
        kept = {kind: tuple(tuple(row) for row in wide[f"kept_{kind}_example"]) for kind in KINDS}
        stages.append((wide["k"], kept, wide["live_params_without_alpha"], wide["live_macs"]))
    for k, candidates, parameters, macs in stages:
        with counting.without_values():
            network = supernet(partial=k, candidates=candidates, **macro)
        assert counting.parameters(network) == parameters
        # Running the largest takes seconds, and the closed form covers it.
        if case["C"] < 36:
            assert counting.macs(network, case["input"], uniform("meta", 7)) == macs


BASELINES = [
    case
    for case in load("baselines/op_and_supernet_costs")["supernets"]
    if case["method"].startswith(("darts", "pc-darts"))
]


@pytest.mark.parametrize("case", BASELINES, ids=lambda case: f"{case['method']}-{case['C']}-{case['layers']}")
def test_weights_of_the_baselines_supernets(case: dict[str, Any]) -> None:
    method = case["method"]
    macro = {"channels": case["C"], "layers": case["layers"], "classes": case["classes"]}
    macro |= {"partial": 4 if "k=4" in method else 2 if "k=2" in method else 1}
    with counting.without_values():
        network = supernet(stem="imagenet" if "imagenet" in method else "cifar", **macro)
    assert counting.parameters(network) == case["weight_params"]


@FORMS
def test_weights_of_istas_one_stage_network(form: type[Supernet]) -> None:
    expected = load("ista/network")["search_supernet"]["one_stage_C36_L20"]
    with counting.without_values():
        network = form(**shape(channels=36, layers=20, classes=10, affine=True, norms="all"))
        head = AuxiliaryHead(4 * 4 * 36, 10, second_norm=True)
    assert counting.parameters(network) == expected["weights"]
    assert counting.parameters(head) == expected["aux_params"]
    in_edges = sum(
        parameter.numel()
        for cell in network.cells
        for norm in cell.edges.modules()
        if isinstance(norm, nn.BatchNorm2d)
        for parameter in norm.parameters()
    )
    assert in_edges == expected["bn_affine_in_mixed_ops_frozen_at_start"]


TRAJECTORIES = [load(f"prdarts/trajectory_{name}") for name in ("0_darts_like", "1_r_depth", "2_unrestricted")]


def pools(stage: dict[str, Any]) -> tuple[list[str], Candidates, dict[str, CellWeights]]:
    """Return columns, candidates and mixing weights of a stage of PR-DARTS: a softmax over each edge's own pool."""
    names = sorted({name for kind in KINDS for edge in stage[kind] for name in edge["ops"]})
    candidates, mixing = {}, {}
    for kind in KINDS:
        weights, kept = torch.zeros(14, len(names), dtype=torch.float64), []
        for row, edge in enumerate(stage[kind]):
            columns = [names.index(name) for name in edge["ops"]]
            alpha = torch.tensor(edge["alpha"][: len(columns)], dtype=torch.float64)
            weights[row, columns] = alpha.softmax(0)
            kept.append(tuple(sorted(columns)))
        candidates[kind], mixing[kind] = tuple(kept), CellWeights(weights)
    return names, candidates, mixing


@pytest.mark.parametrize("trajectory", [0, 1, 2])
@pytest.mark.parametrize("place", [0, 5, 8])
def test_weights_of_pools_that_differ_by_edge(trajectory: int, place: int) -> None:
    stage = TRAJECTORIES[trajectory]["stages"][place]
    names, candidates, _ = pools(stage)
    with counting.without_values():
        network = supernet(
            operations=names, candidates=candidates, channels=stage["channels"], layers=stage["layers"], classes=10
        )
    assert counting.parameters(network) == stage["supernet_params"]


FORWARD = [case for case in load("prdarts/forward")["cases"] if case["net"] == "supernet"]


# The unrestricted trajectory has every kind of operation, so it is enough for the plain form.
UNRESTRICTED = [case for case in FORWARD if case["trajectory"] == 2]


@pytest.mark.parametrize(
    ("form", "case"),
    [*((DartsSupernet, case) for case in FORWARD), *((PlainSupernet, case) for case in UNRESTRICTED)],
    ids=lambda value: f"{value['trajectory']}-{value['stage']}" if isinstance(value, dict) else value.__name__,
)
def test_the_supernet_computes_what_the_public_code_computes(form: type[Supernet], case: dict[str, Any]) -> None:
    names, candidates, mixing = pools(TRAJECTORIES[case["trajectory"]]["stages"][case["stage"]])
    macro = {"channels": case["channels"], "layers": case["layers"], "classes": 10}
    network = form(**shape(operations=names, candidates=candidates, **macro))
    by_formula(network.double().eval())
    expected = torch.tensor(case["logits"], dtype=torch.float64)
    with torch.no_grad():
        scores = network(images_by_formula(case["input"]), mixing)[0]
    assert (scores - expected).abs().max() <= 1e-6 * expected.abs().max()


@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
@pytest.mark.parametrize("partial", [1, 2])
def test_odd_sizes(stem: str, partial: int) -> None:
    network = supernet(stem=stem, partial=partial)
    assert network(torch.zeros(2, 3, 33, 33), uniform()).shape == (2, 3)


@pytest.mark.parametrize("seed", range(3))
def test_a_one_hot_plan_makes_the_supernet_the_discrete_network(seed: int) -> None:
    torch.manual_seed(seed)
    chosen = {kind: torch.randint(8, (14,)).tolist() for kind in KINDS}
    shared = supernet().double().train()
    edges = {
        kind: [Edge(*place, SPACE.operations[op]) for place, op in zip(SPACE.edges, ops, strict=True)]
        for kind, ops in chosen.items()
    }
    genotype = Genotype("darts", {kind: Cell(2, tuple(edges[kind]), (2, 3, 4, 5)) for kind in KINDS})
    discrete = CellNetwork(genotype, channels=4, layers=4, classes=3, stem="cifar", norms="pool").double().train()
    discrete.stem.load_state_dict(shared.stem.state_dict())
    discrete.classifier.load_state_dict(shared.classifier.state_dict())
    for mine, theirs in zip(discrete.cells, shared.cells, strict=True):
        convolutions(mine.older, theirs.older)
        convolutions(mine.newer, theirs.newer)
        for edge, op in enumerate(chosen[theirs.kind]):
            if str(op) in theirs.edges[edge].operations:
                convolutions(mine.edges[edge], theirs.edges[edge].operations[str(op)])
    mixing = {
        kind: CellWeights(nn.functional.one_hot(torch.tensor(ops), 8).double(), active=tuple((op,) for op in ops))
        for kind, ops in chosen.items()
    }
    images = torch.randn(4, 3, 16, 16, dtype=torch.float64)
    scores, _ = discrete(images)
    torch.testing.assert_close(shared(images, mixing), scores, rtol=1e-10, atol=1e-10)


def convolutions(mine: nn.Module, theirs: nn.Module) -> None:
    """Copy convolutions; batch norms start equal."""
    own = [part for part in mine.modules() if isinstance(part, nn.Conv2d)]
    other = [part for part in theirs.modules() if isinstance(part, nn.Conv2d)]
    for one, two in zip(own, other, strict=True):
        one.weight.data = two.weight.data.clone()


def random_plans(seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {kind: torch.rand(14, 8, generator=generator) for kind in KINDS}


def test_operations_outside_the_active_list_do_not_run() -> None:
    torch.manual_seed(0)
    network = supernet(partial=2).eval()
    kept = torch.tensor([0.0, 1, 0, 1, 0, 0, 1, 0])
    weights = random_plans()
    active = {kind: CellWeights(w, active=((1, 3, 6),) * 14) for kind, w in weights.items()}
    masked = {kind: CellWeights(w * kept) for kind, w in weights.items()}
    images = torch.randn(2, 3, 16, 16)
    torch.testing.assert_close(network(images, active), network(images, masked))


@pytest.mark.parametrize("partial", [1, 2])
def test_a_node_without_active_operations(partial: int) -> None:
    network = supernet(partial=partial).eval()
    weights = random_plans()
    nothing = {kind: CellWeights(w, active=((),) * 14) for kind, w in weights.items()}
    zeros = {kind: CellWeights(w * 0) for kind, w in weights.items()}
    images = torch.randn(2, 3, 9, 9)
    torch.testing.assert_close(network(images, nothing), network(images, zeros))


def test_edge_scale_multiplies_the_value_of_an_edge() -> None:
    torch.manual_seed(0)
    network = supernet().eval()
    scale, weights = torch.rand(14), random_plans()
    images = torch.randn(2, 3, 16, 16)
    scaled = network(images, {kind: CellWeights(w, edge_scale=scale) for kind, w in weights.items()})
    torch.testing.assert_close(
        scaled, network(images, {kind: CellWeights(w * scale[:, None]) for kind, w in weights.items()})
    )


def test_edge_scale_covers_the_channels_that_pass_by() -> None:
    torch.manual_seed(0)
    network = supernet(partial=2).eval()
    cell = network.cells[0]
    assert isinstance(cell, MixedCell)
    features = torch.randn(2, 12, 8, 8)
    out = cell(features, features, CellWeights(torch.rand(14, 8), edge_scale=torch.zeros(14)))
    assert bool((out == 0).all())


def test_gradients_reach_every_weight_that_is_read() -> None:
    weights = {kind: w.requires_grad_() for kind, w in random_plans().items()}
    network = supernet()
    network(torch.randn(2, 3, 16, 16), {kind: CellWeights(w) for kind, w in weights.items()}).sum().backward()
    for kind in KINDS:
        gradient = weights[kind].grad
        assert gradient is not None
        assert bool((gradient[:, 0] == 0).all())
        assert bool((gradient[:, 1:] != 0).all())


def test_pruned_operations_are_not_built() -> None:
    pruned = {kind: tuple(row[:-1] for row in EVERY[kind]) for kind in KINDS}
    names = {name for name, _ in supernet(candidates=pruned).named_parameters()}
    dropped = {name for name, _ in supernet().named_parameters()} - names
    assert dropped
    assert all(".operations.7." in name for name in dropped)


def test_channels_that_cannot_be_divided() -> None:
    with pytest.raises(UsageError, match="10 channels cannot be divided into 4"):
        supernet(channels=10, partial=4)


def test_channels_last_survives_a_cell() -> None:
    network = supernet().to(memory_format=torch.channels_last)
    features = torch.randn(2, 12, 8, 8).to(memory_format=torch.channels_last)
    out = network.cells[0](features, features, uniform()["normal"])
    assert out.is_contiguous(memory_format=torch.channels_last)


@pytest.fixture
def space() -> Darts:
    return Darts(SPACE, DartsSettings(channels=4, layers=5), 10)


@pytest.mark.parametrize("case", load("baselines/genotype_darts")["cases"], ids=lambda case: case["name"])
def test_derivation(space: Darts, case: dict[str, Any]) -> None:
    scores = {kind: derive.softmax(case[f"alphas_{kind}"]) for kind in KINDS}
    genotype = space.derive(scores, EVERY)
    for kind in KINDS:
        assert darts.pairs(genotype.cells[kind]) == [tuple(pair) for pair in case["genotype"][kind]]


def test_derivation_among_candidates_alone(space: Darts) -> None:
    for case in load("drnas/genotype_darts")["cases"]:
        kept = {kind: case[f"kept_{kind}"] or [list(range(7))] * 14 for kind in KINDS}
        scores = {kind: derive.softmax(case[f"alpha_{kind}"], kept[kind]) for kind in KINDS}
        # DrNAS has no `none`, and an operation that is not a candidate must not win, whatever its score.
        shifted = {
            kind: [
                [9.0, *(score if op in alive else 9.0 for op, score in enumerate(row))]
                for row, alive in zip(scores[kind], kept[kind], strict=True)
            ]
            for kind in KINDS
        }
        candidates = {kind: tuple(tuple(op + 1 for op in alive) for alive in kept[kind]) for kind in KINDS}
        genotype = space.derive(shifted, candidates)
        for kind in KINDS:
            expected = [(SPACE.operations[op + 1], source) for op, source in case[kind]]
            assert darts.pairs(genotype.cells[kind]) == expected


def test_chosen_names_the_column_of_every_edge(space: Darts) -> None:
    genotype = published("DrNAS_cifar10")
    for kind, columns in space.chosen(genotype).items():
        taken = {place: op for place, op in zip(SPACE.edges, columns, strict=True) if op >= 0}
        edges = genotype.cells[kind].edges
        assert taken == {(edge.source, edge.target): SPACE.operations.index(edge.operation) for edge in edges}


@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
def test_costs_are_those_of_the_papers_size(stem: str) -> None:
    case = next(c for c in load("drnas/cost_darts_eval")["cases"] if c["name"] == "PC_DARTS_cifar")
    expected = next(n for n in case["networks"] if n["kind"] == stem and n["C"] in (36, 48))
    # The size of the supernet must not matter.
    space = Darts(SPACE, DartsSettings(channels=8, layers=5, stem=stem), expected["classes"])
    found, shape = space.costs(published("PC_DARTS_cifar"), expected["input"])
    counted = (found.parameters, found.auxiliary_parameters, found.macs)
    assert counted == (expected["params"], expected["aux_params"], expected["macs"])
    assert (shape.channels, shape.layers, shape.size) == (expected["C"], expected["layers"], expected["input"])


def test_a_stage_overrides_the_size(space: Darts) -> None:
    plain = space.supernet(EVERY, {})
    assert len(plain.cells) == 5
    deep = space.supernet(EVERY, {"layers": 7, "channels": 8, "partial": 2})
    assert len(deep.cells) == 7
    assert deep.cells[0].width == 4


def test_networks_follow_the_settings(space: Darts) -> None:
    genotype = published("DrNAS_cifar10")
    searched = space.network(genotype)
    assert len(searched.cells) == 5
    assert searched.auxiliary is None
    settings = DartsNetworkSettings(channels=4, layers=6, stem="imagenet", norms="all", auxiliary=True)
    trained = Darts(SPACE, settings, 10).network(genotype)
    assert len(trained.cells) == 6
    assert isinstance(trained.auxiliary, Rectified)
    assert all(cell.drops == 8 for cell in trained.cells)
