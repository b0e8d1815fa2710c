"""Costs in closed form, compared with the public modules of each paper."""

from __future__ import annotations

from typing import Any

import pytest

from runs.catalogue.costs import count, standard_shape
from runs.catalogue.spaces.darts import SPACE
from runs.errors import UsageError
from runs.genotypes import cell_networks, darts, operations
from runs.genotypes.costs import Costs, Shape
from runs.genotypes.genotype import Genotype
from tests.vectors import load

NETWORKS = load("baselines/networks")["networks"]
SIZES = ("cifar10", "cifar100", "imagenet", "imagenet_C50")
PRDARTS = load("prdarts/genotypes")["genotypes"]
SEVEN = load("drnas/genotype_darts")["meta"]["op_order"]


def genotype(raw: dict[str, Any], *, sharp: bool = False) -> Genotype:
    """Return a cell of a vector file; for sharpDARTS, `dil_conv` names a convolution of two stages."""

    def pairs(kind: str) -> list[darts.Pair]:
        return [(f"sharp_{name}" if sharp and name.startswith("dil_conv") else name, node) for name, node in raw[kind]]

    concats = [raw.get(f"{kind}_concat") or raw["concat"] for kind in ("normal", "reduce")]
    return darts.genotype(pairs("normal"), pairs("reduce"), *concats)


@pytest.mark.parametrize(
    ("name", "size"), [(name, size) for name in NETWORKS for size in SIZES if size in NETWORKS[name]]
)
def test_networks_of_published_cells(name: str, size: str) -> None:
    case, family = NETWORKS[name][size], NETWORKS[name]["module_set"]
    shape = Shape(
        case["C"],
        case["layers"],
        case["classes"],
        case.get("input", [3, 32])[1],
        "imagenet" if size.startswith("imagenet") else "cifar",
        norms="affine_pool" if family.startswith("snas") else "plain",
        # As in the code of both authors' later work; its C = 48 column was made with the head of DARTS.
        auxiliary_norm=name == "SETN" or size == "imagenet_C50",
    )
    found = count(genotype(NETWORKS[name]["genotype"], sharp=family.startswith("sharp")), shape)
    assert (found.parameters, found.auxiliary_parameters) == (case["params"], case["aux_params"])
    if "macs" in case:
        assert found.macs == case["macs"]
        assert found.norm_outputs == case["bn_out_elements"]
        assert found.relu_outputs == case["relu_out_elements"]
        assert found.macs_with_norms == case["macs_plus_2bn_plus_relu"]


@pytest.mark.parametrize("case", load("drnas/cost_darts_eval")["cases"], ids=lambda case: str(case["name"]))
def test_drnas_networks(case: dict[str, Any]) -> None:
    for network in case["networks"]:
        shape = Shape(network["C"], network["layers"], network["classes"], network["input"], network["kind"])
        expected = (network["params"], network["aux_params"], network["macs"])
        for norms in ("plain", "pool"):
            found = count(genotype(case), Shape(**(vars(shape) | {"norms": norms})))
            assert (found.parameters, found.auxiliary_parameters, found.macs) == expected


@pytest.mark.parametrize("name", load("ista/network")["genotypes"])
@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
@pytest.mark.parametrize(("kind", "norms"), [("plain", "plain"), ("bn", "all")])
def test_ista_networks(name: str, stem: str, kind: str, norms: str) -> None:
    case = load("ista/network")["genotypes"][name]
    expected = case[f"{stem}_{kind}"]
    found = count(genotype(case["genotype"]), Shape(**(vars(standard_shape("darts", stem)) | {"norms": norms})))
    assert found.parameters == expected["params"]
    assert found.auxiliary_parameters == expected["aux_params"]
    assert found.macs == expected["macs_conv_linear"]


@pytest.mark.parametrize("case", load("prdarts/network_params")["cases"], ids=lambda case: str(case["genotype"]))
def test_prdarts_networks(case: dict[str, Any]) -> None:
    shape = Shape(case["channels"], case["layers"], case["classes"], case["input"], case["family"], auxiliary_norm=True)
    found = count(genotype(PRDARTS[case["genotype"]]), shape)
    assert (found.parameters, found.auxiliary_parameters) == (case["params"], case["aux_params"])
    assert found.macs == case["macs"]


def test_baseline_operations() -> None:
    for row in load("baselines/op_and_supernet_costs")["ops"]:
        for affine in (True, False):
            cost = operations.cost(
                operations.operation(row["op"]), row["channels"], row["height"], row["stride"], affine=affine
            )
            expected = row["params_affine" if affine else "params_no_affine"]
            assert (cost.parameters, cost.macs) == (expected, row["macs"]), row


def test_drnas_operations() -> None:
    known = 0
    for space, name, channels, stride, affine, parameters, macs in load("drnas/cost_ops")["rows"]:
        if space == "darts" and name in darts.TOPOLOGY.operations:
            cost = operations.cost(operations.operation(name), channels, 8, stride, affine=bool(affine))
            assert (cost.parameters, cost.macs) == (parameters, macs), name
            known += 1
    assert known >= 8 * 4


def test_prdarts_operations() -> None:
    for case in load("prdarts/op_cost")["cases"]:
        for row in case["ops"]:
            of = operations.operation(row["op"])
            for stride in (1, 2):
                costs = [operations.cost(of, case["channels"], case["input"], stride, affine=a) for a in (False, True)]
                assert [*(cost.parameters for cost in costs), costs[0].macs] == row[f"s{stride}"], row["op"]


class TestSupernets:
    """Costs of search networks in closed form."""

    @staticmethod
    def cost(case: dict[str, Any], partial: int, kept: dict[str, list[list[int]]] | None = None) -> tuple[int, int]:
        everything = {kind: [range(len(SEVEN))] * len(SPACE.edges) for kind in ("normal", "reduce")}
        names = {
            kind: [[SEVEN[column] for column in edge] for edge in edges] for kind, edges in (kept or everything).items()
        }
        total = cell_networks.supernet(
            names,
            SPACE.edges,
            channels=case["C"],
            layers=case["layers"],
            classes=case["classes"],
            size=case["input"],
            stem=case["space"].removeprefix("darts_"),
            partial=partial,
        )
        return total.parameters, total.macs

    @pytest.mark.parametrize(
        "case", [case for case in load("drnas/cost_supernets")["cases"] if case["space"].startswith("darts")]
    )
    def test_drnas(self, case: dict[str, Any]) -> None:
        assert self.cost(case, case["k"]) == (case["params_without_alpha"], case["macs_all_ops"])
        after = case.get("after_widening")
        if after:
            assert self.cost(case, after["k"]) == (after["params_without_alpha"], after["macs_all_ops"])
            kept = {kind: after[f"kept_{kind}_example"] for kind in ("normal", "reduce")}
            live = (after["live_params_without_alpha"], after["live_macs"])
            assert self.cost(case, after["k"], kept) == live

    def test_ista(self) -> None:
        expected = load("ista/network")["search_supernet"]["two_stage_C16_L8"]
        case = {"C": 16, "layers": 8, "classes": 10, "input": 32, "space": "darts_cifar"}
        assert self.cost(case, 1) == (expected["weights"], expected["macs_conv_linear_all_ops_live"])


def test_sizes_of_papers() -> None:
    assert standard_shape("darts") == Shape(36, 20, 10, 32, "cifar")
    assert standard_shape("darts", "imagenet") == Shape(48, 14, 1000, 224, "imagenet")
    assert str(standard_shape("darts", "imagenet")).endswith("14 cells, 1000 classes, 224 x 224 pixels, ImageNet stem")
    assert str(standard_shape("nasbench201")) == "16 channels, 5 cells, 10 classes, 32 x 32 pixels"
    assert Costs(1, 2, 3).macs_with_norms is None


def test_what_cannot_be_counted_is_named() -> None:
    cell = genotype(NETWORKS["DARTS_V1"]["genotype"])
    for refused, named in (
        (lambda: standard_shape("toy"), "space 'toy' cannot be counted"),
        (lambda: standard_shape("nasbench201", "imagenet"), "no stem 'imagenet'"),
        (lambda: count(cell, Shape(36, 20, norms="some")), "Unknown norms 'some'"),
        (lambda: count(cell, Shape(36, 2)), "at least 3"),
    ):
        with pytest.raises(UsageError, match=named):
            refused()
