"""Relaxations and derivation rules compared with independently computed values, and their common properties."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.architecture import discretization
from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.relaxations import categorical, gumbel_softmax, max_w, proximal, sampled, straight_through
from engine.architecture.relaxations.categorical import Categorical
from engine.architecture.relaxations.dirichlet import DirichletRelaxation
from engine.architecture.relaxations.edge_normalisation import NormalisedEdges
from engine.architecture.relaxations.gumbel_softmax import GumbelSoftmax
from engine.architecture.relaxations.max_w import MaxW
from engine.architecture.relaxations.proximal import Proximal
from engine.architecture.relaxations.relaxation import Relaxation, probabilities
from engine.architecture.relaxations.softmax import Softmax
from engine.architecture.relaxations.straight_through import StraightThrough
from engine.spaces.darts import Darts
from engine.spaces.nasbench201 import NasBench201
from engine.spaces.space import Candidates, all_candidates
from runs import catalogue
from runs.catalogue import Space
from runs.catalogue.spaces.darts import DartsSettings
from runs.catalogue.spaces.nasbench201 import NasBench201Settings
from runs.genotypes import darts, nasbench201
from tests.vectors import load

SPACES = {name: catalogue.space(name) for name in ("darts", "nasbench201", "darts_nasp")}
GDAS, SNAS, NASP = (load(f"baselines/{name}")["cases"] for name in ("gdas", "snas", "nasp"))
MAX_W, DSNAS, PCDARTS = (load(f"baselines/{name}")["cases"] for name in ("max_w", "dsnas", "pcdarts"))
OTHER = load("drnas/methods_nb201")
RELAXATIONS: dict[str, Callable[[], Relaxation]] = {
    "softmax": Softmax,
    "max_w": MaxW,
    "dirichlet": DirichletRelaxation,
    "gumbel_softmax": lambda: GumbelSoftmax(1.0, 0.03),
    "straight_through": lambda: StraightThrough(10.0, 0.1, reached=True),
    "categorical": lambda: Categorical(0.9),
    "proximal": Proximal,
    "edges": lambda: NormalisedEdges(Softmax()),
}


def double(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def everything(values: Tensor) -> Tensor:
    return torch.ones_like(values, dtype=torch.bool)


def close(found: Tensor, expected: Any, rtol: float = 1e-6, atol: float = 1e-8) -> None:
    torch.testing.assert_close(found.detach().double(), double(expected), rtol=rtol, atol=atol)


def variables(space: Space, candidates: Candidates | None = None, **options: Any) -> ArchitectureParameters:
    """Return architecture parameters of unit scale."""
    generator = torch.Generator().manual_seed(7)
    return ArchitectureParameters(space, candidates or all_candidates(space), generator, **({"scale": 1.0} | options))


def of(space: Space, alphas: dict[str, Any], betas: dict[str, Any] | None = None) -> ArchitectureParameters:
    """Return architecture parameters with these values, in double precision."""
    architecture = variables(space, edge_parameters=betas is not None)
    for kind, values in alphas.items():
        architecture.alphas[kind].data = double(values)
    for kind, values in (betas or {}).items():
        architecture.betas[kind].data = double(values)
    return architecture


# Against the vectors


@pytest.mark.parametrize("case", SNAS, ids=lambda case: case["name"])
def test_gumbel_softmax(case: dict[str, Any]) -> None:
    alpha = double(case["log_alpha"]).requires_grad_()
    noise = -torch.log(-torch.log(double(case["uniform_noise"])))
    found = gumbel_softmax.concrete(alpha, everything(alpha), noise, case["temperature"])
    close(found, case["relaxed_one_hot"])
    (gradient,) = torch.autograd.grad((found * double(case["cotangent"])).sum(), alpha)
    close(gradient, case["grad_log_alpha"])


@pytest.mark.parametrize("case", GDAS, ids=lambda case: case["name"])
@pytest.mark.parametrize("selected", [False, True])
def test_straight_through(case: dict[str, Any], selected: bool) -> None:
    """The supernet reads only the selected weight; the gradient is also compared with code that adds the others."""
    alpha = double(case["alphas"]).requires_grad_()
    noise = -torch.log(double(case["exponential_noise"]))
    close(noise, case["gumbel_noise"])
    found, index = straight_through.hard(alpha, everything(alpha), noise, case["tau"])
    assert index.tolist() == case["index"]
    assert found.tolist() == case["hard_forward"]
    read = double(case["hard_forward"]) if selected else 1.0
    (gradient,) = torch.autograd.grad((found * read * double(case["cotangent"])).sum(), alpha)
    close(gradient, case["grad_alphas_selected_weight_only" if selected else "grad_alphas_all_weights"])


@pytest.mark.parametrize("case", OTHER["darts"])
def test_softmax_over_what_is_kept(case: dict[str, Any]) -> None:
    alpha = double([case["alpha"]])
    close(probabilities(alpha, kept(case, alpha))[0], case["weights"])


@pytest.mark.parametrize("case", OTHER["snas"])
def test_gumbel_softmax_over_what_is_kept(case: dict[str, Any]) -> None:
    alpha = double([case["alpha"]]).requires_grad_()
    found = gumbel_softmax.concrete(alpha, kept(case, alpha), double([case["gumbel"]]), case["tau"])
    close(found[0], case["weights"])
    (gradient,) = torch.autograd.grad((found * double(case["grad_weights"])).sum(), alpha)
    close(gradient[0], case["grad_alpha"])


@pytest.mark.parametrize("case", OTHER["gdas"])
def test_straight_through_of_nasbench201(case: dict[str, Any]) -> None:
    alpha = double([case["alpha"]]).requires_grad_()
    found, index = straight_through.hard(alpha, everything(alpha), double([case["gumbel"]]), case["tau"])
    assert (index.tolist(), found[0].tolist()) == ([case["index"]], case["forward_weights"])
    (gradient,) = torch.autograd.grad((found * double(case["grad_weights"])).sum(), alpha)
    close(gradient[0], case["grad_alpha"])


def kept(case: dict[str, Any], alpha: Tensor) -> Tensor:
    columns = range(alpha.shape[1]) if case["kept"] is None else case["kept"]
    return torch.tensor([[op in columns for op in range(alpha.shape[1])]])


@pytest.mark.parametrize("case", MAX_W, ids=lambda case: case["name"])
def test_max_w(case: dict[str, Any]) -> None:
    alpha = double(case["alphas"]).requires_grad_()
    found = max_w.max_w(alpha, everything(alpha))
    close(found, case["max_w_weights"])
    (gradient,) = torch.autograd.grad((found * double(case["cotangent"])).sum(), alpha)
    close(gradient, case["grad_alphas"])


@pytest.mark.parametrize("case", DSNAS, ids=lambda case: case["name"])
def test_score_function(case: dict[str, Any]) -> None:
    alpha = double(case["log_alpha"]).requires_grad_()
    index = torch.tensor(case["sampled_index"])
    found = categorical.scored(alpha, everything(alpha), index)
    close(found, torch.nn.functional.one_hot(index, alpha.shape[1]).tolist(), rtol=0, atol=0)
    reward = double(case["dloss_dweight_of_sampled_operation"])
    (gradient,) = torch.autograd.grad((found.gather(1, index[:, None])[:, 0] * reward).sum(), alpha)
    close(gradient, case["grad_log_alpha"])


@pytest.mark.parametrize("case", NASP, ids=lambda case: case["name"])
def test_proximal_steps(case: dict[str, Any]) -> None:
    alpha = double(case["alphas"])
    architecture = variables(SPACES["darts"])
    binary, index = proximal.binarised(alpha, everything(alpha), architecture.siblings)
    assert binary.tolist() == case["binary"]
    assert index.tolist() == [row.index(1) if 1 in row else -1 for row in case["binary"]]
    architecture.alphas["normal"].data = alpha.clone()
    proximal.into_box(architecture)
    assert architecture.alphas["normal"].tolist() == case["clipped_to_unit_interval"]


@pytest.mark.parametrize("case", PCDARTS, ids=lambda case: case["name"])
def test_edge_weights_and_the_genotype_that_they_rank(case: dict[str, Any]) -> None:
    space = Darts(SPACES["darts"], DartsSettings(), 10)
    kinds = ("normal", "reduce")
    architecture = of(space.entry, *({kind: case[f"{name}_{kind}"] for kind in kinds} for name in ("alphas", "betas")))
    mixing = NormalisedEdges(Softmax()).mean(architecture)
    for kind in kinds:
        scale = mixing[kind].edge_scale
        assert scale is not None
        close(scale, case[f"edge_weights_{kind}"])
    product = mixing["normal"].weights * mixing["normal"].edge_scale[:, None]  # type: ignore[index]
    close(product[:, 1:].amax(1), case["product_normal_row_max_without_none"])
    expected = darts.genotype(as_pairs(case["genotype"]["normal"]), as_pairs(case["genotype"]["reduce"]))
    assert discretization.edge_weighted(space, architecture, all_candidates(space.entry)) == expected


def as_pairs(listed: list[list[Any]]) -> list[darts.Pair]:
    return [(name, source) for name, source in listed]


@pytest.mark.parametrize("case", load("baselines/genotype_darts")["cases"], ids=lambda case: case["name"])
def test_the_darts_rule(case: dict[str, Any]) -> None:
    space = Darts(SPACES["darts"], DartsSettings(), 10)
    architecture = of(space.entry, {kind: case[f"alphas_{kind}"] for kind in space.entry.cells})
    expected = darts.genotype(as_pairs(case["genotype"]["normal"]), as_pairs(case["genotype"]["reduce"]))
    assert discretization.largest_probability(space, architecture, all_candidates(space.entry)) == expected


@pytest.mark.parametrize("case", load("baselines/genotype_other_rules")["cases"], ids=lambda case: case["name"])
@pytest.mark.parametrize(("edges", "rule"), [("two", "none_allowed_top2"), ("all", "none_allowed_all_edges")])
def test_the_rules_of_snas(case: dict[str, Any], edges: str, rule: str) -> None:
    space = Darts(SPACES["darts"], DartsSettings(), 10)
    architecture = of(space.entry, dict.fromkeys(space.entry.cells, case["alphas"]))
    expected = darts.genotype(as_pairs(case[rule]), as_pairs(case[rule]))
    assert discretization.with_none(space, architecture, all_candidates(space.entry), edges=edges) == expected


@pytest.mark.parametrize("case", load("drnas/genotype_nb201")["cases"])
def test_rules_on_nasbench201_take_the_best_of_every_edge(case: dict[str, Any]) -> None:
    space = NasBench201(SPACES["nasbench201"], NasBench201Settings(), 10)
    architecture = of(space.entry, {"cell": case["alpha"]}, {"cell": [0.3, 2.0, -1.0, 0.0, 0.5, -2.0]})
    rows = case["kept"] or [range(5)] * 6
    candidates = {"cell": tuple(tuple(row) for row in rows)}
    expected = nasbench201.genotype(case["ops"])
    assert discretization.largest_probability(space, architecture, candidates) == expected
    assert discretization.edge_weighted(space, architecture, candidates) == expected
    assert discretization.with_none(space, architecture, candidates, edges="all") == expected


# Common properties


def pruned(space: Space) -> Candidates:
    """Return candidates that differ from edge to edge."""
    return {
        kind: tuple(tuple(op for op in kept if (op + edge) % 2 or op == kept[-1]) for edge, kept in enumerate(edges))
        for kind, edges in all_candidates(space).items()
    }


@pytest.mark.parametrize("space", SPACES.values(), ids=lambda space: space.name)
@pytest.mark.parametrize("name", RELAXATIONS)
def test_what_is_not_alive_is_never_read_and_never_learns(name: str, space: Space) -> None:
    torch.manual_seed(0)
    candidates, relaxation = pruned(space), RELAXATIONS[name]()
    architecture = variables(space, candidates, edge_parameters=True)
    relaxation.begin_epoch(3, 10)
    for make in (relaxation.sample, relaxation.mean, relaxation.evaluation):
        for kind, cell_weights in make(architecture).items():
            alive = architecture.alive(kind)
            assert cell_weights.weights.shape == alive.shape
            assert cell_weights.weights.isfinite().all()
            assert (cell_weights.weights[~alive] == 0).all()
            for run, there in zip(cell_weights.active or (), candidates[kind], strict=bool(cell_weights.active)):
                assert set(run) <= set(there)
    loss = sum(cell_weights.weights.square().sum() for cell_weights in relaxation.sample(architecture).values())
    assert isinstance(loss, Tensor)
    for (kind, _, alive), gradient in zip(
        architecture.matrices(), torch.autograd.grad(loss, list(architecture.alphas.values())), strict=True
    ):
        assert gradient.isfinite().all(), kind
        assert (gradient[~alive] == 0).all(), kind


@pytest.mark.parametrize("name", RELAXATIONS)
def test_what_is_shown_shares_each_edge_out_and_draws_nothing(name: str) -> None:
    relaxation, architecture = RELAXATIONS[name](), variables(SPACES["nasbench201"], edge_parameters=True)
    before = torch.get_rng_state()
    shown = relaxation.mean(architecture)["cell"].weights
    assert (relaxation.evaluation(architecture)["cell"].weights.argmax(1) >= 0).all()
    assert torch.equal(torch.get_rng_state(), before)
    torch.testing.assert_close(shown.sum(1), torch.ones(6))


@pytest.mark.parametrize("name", ["straight_through", "categorical", "proximal"])
def test_methods_of_one_path_run_one_path(name: str) -> None:
    relaxation, architecture = RELAXATIONS[name](), variables(SPACES["darts"])
    with torch.no_grad():
        cell_weights = relaxation.sample(architecture)["normal"]
    assert cell_weights.active is not None
    for row, run in zip(cell_weights.weights.tolist(), cell_weights.active, strict=True):
        assert [op for op, weight in enumerate(row) if weight] == list(run)
        assert set(row) <= {0.0, 1.0}
    assert sum(map(len, cell_weights.active)) == (8 if name == "proximal" else 14)


def test_gumbel_noise_is_gumbel_noise() -> None:
    torch.manual_seed(0)
    noise = sampled.gumbel(torch.empty(200_000))
    assert noise.isfinite().all()
    assert noise.mean().item() == pytest.approx(0.5772, abs=0.01)
    assert noise.var().item() == pytest.approx(1.6449, abs=0.03)


@pytest.mark.parametrize("name", ["straight_through", "categorical"])
def test_draws_follow_the_probabilities(name: str) -> None:
    torch.manual_seed(0)
    relaxation, architecture = RELAXATIONS[name](), variables(SPACES["nasbench201"])
    with torch.no_grad():
        draws = torch.stack([relaxation.sample(architecture)["cell"].weights for _ in range(3000)])
    torch.testing.assert_close(draws.mean(0), relaxation.mean(architecture)["cell"].weights, rtol=0, atol=0.03)


def test_an_edge_that_has_decided_draws_and_learns_no_more() -> None:
    architecture = variables(SPACES["nasbench201"], scale=0.0)
    with torch.no_grad():
        architecture.alphas["cell"][0, 3] = 1.5
    relaxation = Categorical(0.3)
    assert relaxation.snapshot(architecture, "cell").edges["frozen"] == [1, 0, 0, 0, 0, 0]
    mixing = [relaxation.sample(architecture)["cell"] for _ in range(50)]
    assert {cell_weights.active[0] for cell_weights in mixing if cell_weights.active} == {(3,)}
    assert len({cell_weights.active[1] for cell_weights in mixing if cell_weights.active}) > 1
    (gradient,) = torch.autograd.grad(mixing[0].weights.amax(1).sum(), list(architecture.parameters()))
    assert (gradient[0] == 0).all()
    assert (gradient[1:].abs().sum(1) > 0).all()


def test_the_proximal_step_sees_every_operation() -> None:
    architecture = variables(SPACES["darts"])
    cell_weights = Proximal().sample(architecture)["normal"]
    assert cell_weights.active is None
    (gradient,) = torch.autograd.grad(cell_weights.weights.sum(), [architecture.alphas["normal"]])
    assert (gradient == 1).all()


def test_kinds_of_cell_may_have_operations_of_their_own() -> None:
    space = SPACES["darts_nasp"]
    candidates = all_candidates(space)
    assert [len(candidates[kind][0]) for kind in ("normal", "reduce")] == [8, 5]
    assert len(space.operations) == 12
    assert {space.operations[op] for op in candidates["reduce"][0]} == set(space.own["reduce"])


def test_temperatures_are_shown() -> None:
    relaxation, architecture = StraightThrough(10.0, 0.1, reached=True), variables(SPACES["nasbench201"])
    relaxation.begin_epoch(9, 10)
    assert relaxation.snapshot(architecture, "cell").figures == {"temperature": pytest.approx(0.1)}
    relaxation.begin_epoch(0, 1)
    assert relaxation.temperature == 10
