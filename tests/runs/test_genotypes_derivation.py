"""Derivation rules: from architecture weights to the cells that the public code of each paper derives."""

from __future__ import annotations

from typing import Any

import pytest

from runs.catalogue.spaces.darts import SPACE
from runs.catalogue.spaces.nasbench201 import SPACE as NASBENCH201
from runs.genotypes import darts, derive, nasbench201
from tests.vectors import load

KINDS = ("normal", "reduce")
OPERATIONS = SPACE.operations
# The order of TE-NAS's own tables (docs/methods/tenas.md, "Order of operations"), and that of DrNAS.
TENAS = (
    "none",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
    "avg_pool_3x3",
    "max_pool_3x3",
)
SEVEN = load("drnas/genotype_darts")["meta"]["op_order"]


def named(case: dict[str, Any]) -> str:
    return str(case.get("name") or case.get("id") or "")


def as_pairs(raw: list[list[Any]]) -> list[darts.Pair]:
    return [(name, source) for name, source in raw]


@pytest.mark.parametrize("case", load("baselines/genotype_darts")["cases"], ids=named)
def test_darts(case: dict[str, Any]) -> None:
    for kind in KINDS:
        found = derive.two_a_node(derive.softmax(case[f"alphas_{kind}"]), OPERATIONS)
        assert found == as_pairs(case["genotype"][kind])


@pytest.mark.parametrize("case", load("baselines/genotype_other_rules")["cases"], ids=named)
def test_snas_lets_none_compete(case: dict[str, Any]) -> None:
    weights = derive.softmax(case["alphas"])
    assert derive.two_a_node(weights, OPERATIONS) == as_pairs(case["darts_rule"])
    assert derive.two_a_node(weights, OPERATIONS, none_competes=True) == as_pairs(case["none_allowed_top2"])
    assert derive.all_edges(weights, OPERATIONS) == as_pairs(case["none_allowed_all_edges"])


@pytest.mark.parametrize("case", load("baselines/pcdarts")["cases"], ids=named)
def test_pcdarts_weighs_edges(case: dict[str, Any]) -> None:
    for kind in KINDS:
        edges = derive.edge_weights(case[f"betas_{kind}"])
        assert edges == pytest.approx(case[f"edge_weights_{kind}"], rel=1e-6)
        weights = derive.scaled(derive.softmax(case[f"alphas_{kind}"]), edges)
        assert derive.two_a_node(weights, OPERATIONS) == as_pairs(case["genotype"][kind])


@pytest.mark.parametrize("case", load("baselines/pdarts")["cases"], ids=named)
def test_pdarts_prunes_in_stages(case: dict[str, Any]) -> None:
    for kind in KINDS:
        candidates: list[list[str]] = [list(OPERATIONS)] * len(SPACE.edges)
        for stage in case["stages"][:2]:
            assert {len(names) for names in candidates} == {stage["ops_per_edge_before"]}
            candidates = derive.survivors(stage[f"alphas_{kind}"], candidates, stage["drop"])
            assert candidates == stage[f"operations_after_{kind}"]
        alphas = case["stages"][2][f"alphas_{kind}"]
        found = derive.pdarts(alphas, candidates)
        assert found == as_pairs(case["initial_genotype"][kind])
        if kind == "normal":
            assert sum(name == "skip_connect" for name, _ in found) == case["initial_skip_count_normal"]
            for limited in case["restricted"]:
                found = derive.pdarts(alphas, candidates, skips=limited["max_skip"])
                assert found == as_pairs(limited["normal"])


@pytest.mark.parametrize("case", load("drnas/genotype_darts")["cases"])
def test_drnas(case: dict[str, Any]) -> None:
    for kind in KINDS:
        alphas, kept = case[f"alpha_{kind}"], case[f"kept_{kind}"]
        for weigh, field in ((derive.softmax, kind), (derive.dirichlet_mean, f"{kind}_by_mean")):
            expected = [(SEVEN[column], source) for column, source in case[field]]
            assert derive.two_a_node(weigh(alphas, kept), SEVEN) == expected


@pytest.mark.parametrize("case", load("drnas/genotype_nb201")["cases"])
def test_nasbench201_takes_the_best_of_each_edge(case: dict[str, Any]) -> None:
    weights = derive.softmax(case["alpha"], case["kept"])
    if "softmax" in case:
        for row, expected in zip(weights, case["softmax"], strict=True):
            assert row == pytest.approx(expected, rel=1e-5, abs=1e-9)
    assert derive.best(weights) == case["ops"]
    assert derive.best(derive.dirichlet_mean(case["alpha"], case["kept"])) == case["ops"]
    assert nasbench201.format_string(nasbench201.genotype(derive.best(weights))) == case["arch"]


@pytest.mark.parametrize("network", load("ista/project")["networks"], ids=named)
def test_ista_takes_the_support(network: dict[str, Any]) -> None:
    operations = load("ista/project")["ops"]
    for cell in network["cells"].values():
        codes = []
        for node, sparse in enumerate(cell["x"]):
            codes.append([sparse.get(str(entry), 0.0) for entry in range(len(operations) * (node + 2))])
        assert derive.support(codes, operations) == as_pairs(cell["genotype"])


@pytest.mark.parametrize("case", load("ista/project")["cases"], ids=named)
def test_ista_live_sets(case: dict[str, Any]) -> None:
    """Equal magnitudes go to the lower index."""
    operations = load("ista/project")["ops"]
    row = [case["x"].get(str(entry), 0.0) for entry in range(case["n"])]
    found = [source * len(operations) + operations.index(name) for name, source in derive.support([row], operations)]
    assert sorted(found) == sorted(case["live"])


@pytest.mark.parametrize("case", load("prdarts/derive")["cases"])
def test_prdarts(case: dict[str, Any]) -> None:
    for cell in case["cells"].values():
        alphas = [edge["alpha"] for edge in cell["edges"]]
        candidates = [edge["ops"] for edge in cell["edges"]]
        assert derive.prdarts(alphas, candidates) == as_pairs(cell["genes"])
        winners = [
            derive.prdarts([row] * 14, [names] * 14)[0][0] for row, names in zip(alphas, candidates, strict=True)
        ]
        assert winners == cell["winner"]
        strengths = [max(row) for row in derive.softmax(alphas)]
        assert strengths == pytest.approx(cell["strength"], abs=5e-6)


def test_prdarts_may_exclude_none() -> None:
    names = [["none", "skip", "c3"]] * 13 + [["none"]]
    rows = [[2.0, 0.0, 1.0]] * 13 + [[0.0]]
    assert {name for name, _ in derive.prdarts(rows, names)} == {"none"}
    assert derive.prdarts(rows, names, none_competes=False)[-1] == ("none", 4)
    assert {name for name, _ in derive.prdarts(rows, names, none_competes=False)[:-1]} == {"c3"}


@pytest.mark.parametrize("case", load("tenas/genotypes")["cases"], ids=named)
def test_tenas(case: dict[str, Any]) -> None:
    if case["space"] == "nas-bench-201":
        (alphas,) = case["alpha"]
        found = nasbench201.genotype(derive.best(derive.softmax(alphas)))
        assert nasbench201.format_string(found) == case["expected"]
        assert len(NASBENCH201.operations) == len(alphas[0])
        return
    for kind, alphas in zip(KINDS, case["alpha"], strict=True):
        assert derive.two_a_node(derive.softmax(alphas), TENAS) == as_pairs(case["expected"][kind])


def test_what_a_rule_finds_is_a_genotype() -> None:
    alphas = load("baselines/genotype_darts")["cases"][0]["alphas_normal"]
    for rule in (derive.two_a_node, derive.all_edges):
        found = rule(derive.softmax(alphas), OPERATIONS)
        genotype = darts.genotype(found, found)
        assert darts.pairs(genotype.cells["reduce"]) == found
