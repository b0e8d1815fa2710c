"""Genotypes: the JSON form of any space, and the strings and costs of NAS-Bench-201."""

from __future__ import annotations

import contextlib
import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.catalogue.spaces.nasbench201 import SPACE
from runs.errors import UsageError
from runs.genotypes import nasbench201
from runs.genotypes.genotype import Cell, Edge, Genotype
from tests.vectors import load

STRINGS = load("drnas/arch_strings")["cases"]
COSTS = load("drnas/cost_nb201")
BASELINES = load("baselines/nb201")
# Classes and image side of the benchmark's data sets, by the names that the two vector files use.
IMAGES = {"cifar10": (10, 32), "cifar100": (100, 32), "imagenet16_120": (120, 16), "ImageNet16-120": (120, 16)}
GOOD = STRINGS[0]["arch"]

cells = st.lists(st.integers(0, 4), min_size=6, max_size=6)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@st.composite
def genotypes(draw: st.DrawFn) -> Genotype:
    def cell() -> Cell:
        inputs = draw(st.integers(1, 3))
        edges = []
        for target in draw(st.lists(st.integers(inputs, 9), max_size=8)):
            edges.append(Edge(draw(st.integers(0, target - 1)), target, draw(st.text(min_size=1, max_size=12))))
        return Cell(inputs, tuple(edges), tuple(draw(st.lists(st.integers(0, 9), max_size=4))))

    kinds = draw(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=3, unique=True))
    return Genotype(draw(st.text(max_size=12)), {kind: cell() for kind in kinds})


@pytest.mark.parametrize("case", STRINGS, ids=lambda case: "".join(map(str, case["ops"])))
def test_published_strings(case: dict[str, Any]) -> None:
    genotype = nasbench201.parse_string(case["arch"])
    assert nasbench201.operation_indices(genotype) == case["ops"]
    assert nasbench201.format_string(genotype) == case["arch"]
    assert genotype.cells["cell"].is_connected() == case["output_reachable"]


def test_every_cell_of_the_space_survives_its_string() -> None:
    connected = 0
    for indices in itertools.product(range(len(SPACE.operations)), repeat=len(SPACE.edges)):
        genotype = nasbench201.genotype(indices)
        assert nasbench201.parse_string(nasbench201.format_string(genotype)) == genotype
        connected += genotype.cells["cell"].is_connected()
    assert connected == BASELINES["counts"]["connected_input_to_output"]


def check_cost(case: dict[str, Any], dataset: str) -> None:
    genotype = nasbench201.parse_string(case["arch"])
    classes, size = IMAGES[dataset]
    assert nasbench201.parameters(genotype, classes=classes) == case[dataset]["params"]
    assert nasbench201.macs(genotype, classes=classes, size=size) == case[dataset]["macs"]


@pytest.mark.parametrize("dataset", ["cifar10", "cifar100", "imagenet16_120"])
@pytest.mark.parametrize("case", COSTS["cases"], ids=lambda case: "".join(map(str, case["ops"])))
def test_costs(case: dict[str, Any], dataset: str) -> None:
    check_cost(case, dataset)


@pytest.mark.parametrize("case", COSTS["other_sizes"])
def test_costs_at_other_sizes(case: dict[str, Any]) -> None:
    genotype = nasbench201.genotype(case["ops"])
    shape = {"channels": case["C"], "cells": case["N"], "classes": case["classes"]}
    assert nasbench201.parameters(genotype, **shape) == case["params"]
    assert nasbench201.macs(genotype, size=case["input"], **shape) == case["macs"]


@pytest.mark.parametrize("case", BASELINES["architectures"], ids=lambda case: case["name"])
def test_cells_of_the_benchmark(case: dict[str, Any]) -> None:
    genotype = nasbench201.parse_string(case["arch"])
    assert nasbench201.format_string(genotype) == case["arch"]
    assert genotype.cells["cell"].is_connected() == case["connected"]
    for dataset in ("cifar10", "cifar100", "ImageNet16-120"):
        check_cost(case, dataset)


@given(cells)
def test_costs_in_closed_form(indices: list[int]) -> None:
    genotype, closed = nasbench201.genotype(indices), BASELINES["closed_form"]
    one, three = (indices.count(SPACE.operations.index(f"nor_conv_{k}")) for k in ("1x1", "3x3"))
    for found, base, each in (
        (nasbench201.parameters(genotype), "base_params_10_classes", "params_per_{}_edge"),
        (nasbench201.macs(genotype), "base_macs_32px_10_classes", "macs_per_{}_edge_32px"),
    ):
        assert found == closed[base] + one * closed[each.format("1x1")] + three * closed[each.format("3x3")]


@pytest.mark.parametrize("side", [31, 33, 35])
def test_macs_of_odd_images_halve_upwards(side: int) -> None:
    empty = nasbench201.genotype([0] * 6)
    half, quarter = (side + 1) // 2, ((side + 1) // 2 + 1) // 2
    reductions = (9 * 16 * 32 + 9 * 32**2 + 16 * 32) * half**2 + (9 * 32 * 64 + 9 * 64**2 + 32 * 64) * quarter**2
    assert nasbench201.macs(empty, size=side) == 27 * 16 * side**2 + reductions + 640


def test_an_input_that_is_left_out_is_none() -> None:
    genotype = nasbench201.parse_string("|skip_connect~0|+||+|nor_conv_3x3~2|")
    assert nasbench201.operation_indices(genotype) == [1, 0, 0, 0, 0, 3]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "3 nodes"),
        ("|none~0|", "3 nodes"),
        (f"{GOOD}+|none~0|", "not 4"),
        (GOOD.replace("nor_conv_3x3~0", "nor_conv_3x3", 1), "'nor_conv_3x3' at node 1"),
        (GOOD.replace("nor_conv_3x3~0", "nor_conv_3x3~x", 1), "'nor_conv_3x3~x' at node 1"),
        (GOOD.replace("nor_conv_3x3~0", "nor_conv_3x3~1", 1), "Node 1 cannot take node 1"),
        (GOOD.replace("~1|", "~0|", 1), "2←0 of cell 'cell' is listed twice"),
        (GOOD.replace("nor_conv_3x3~0", "nor_conv_3x4~0", 1), "Did you mean 'nor_conv_3x3'?"),
        (GOOD.replace("~0", "~" + "9" * 5000, 1), "at node 1"),
        ("[red]" * 100, "3 nodes"),
    ],
)
def test_malformed_strings_are_refused_by_name(text: str, named: str) -> None:
    with pytest.raises(UsageError) as refusal:
        nasbench201.parse_string(text)
    assert named in str(refusal.value)
    assert len(str(refusal.value)) < 300


@given(st.text() | st.text(alphabet="|~+01x", max_size=30))
def test_any_text_is_a_cell_or_a_usage_error(text: str) -> None:
    with contextlib.suppress(UsageError):
        nasbench201.parse_string(text)


@given(genotypes())
def test_json_round_trip(genotype: Genotype) -> None:
    assert Genotype.from_json(json.loads(json.dumps(genotype.to_json()))) == genotype


def cell_json(**changes: Any) -> dict[str, Any]:
    cell = {"inputs": 1, "edges": [[0, 1, "none"]], "outputs": [1]} | changes
    return {"space": "s", "cells": {"normal": cell}}


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        (None, "'space' and a non-empty 'cells'"),
        ([], "'space' and a non-empty 'cells'"),
        ({"space": "s", "cells": {}}, "'space' and a non-empty 'cells'"),
        ({"space": "s", "cells": {"normal": 5}}, "Cell 'normal'"),
        ({"space": "s", "cells": {"normal": {"inputs": 1}}}, "Cell 'normal'"),
        (cell_json(inputs="two"), "Cell 'normal'"),
        (cell_json(inputs=float("inf")), "Cell 'normal'"),
        (cell_json(outputs=None), "Cell 'normal'"),
        (cell_json(edges=[[0, 1, "none"], [0, 1]]), "Edge 1 of cell 'normal'"),
        (cell_json(edges=[[0, float("inf"), "none"]]), "Edge 0 of cell 'normal'"),
        (cell_json(edges=["abc"]), "Edge 0 of cell 'normal'"),
        (cell_json(edges=[[2, 1, "none"]]), "from node 2 to node 1"),
        (cell_json(edges=[[-1, 1, "none"]]), "from node -1 to node 1"),
        (cell_json(inputs=2), "from node 0 to node 1"),
    ],
)
def test_malformed_json_is_refused_by_name(raw: Any, named: str) -> None:
    with pytest.raises(UsageError) as refusal:
        Genotype.from_json(raw)
    assert named in str(refusal.value)


@given(json_values | st.builds(lambda a, b, c: cell_json(inputs=a, edges=b, outputs=c), *[json_values] * 3))
def test_any_json_is_a_genotype_or_a_usage_error(raw: Any) -> None:
    with contextlib.suppress(UsageError):
        Genotype.from_json(raw)


@pytest.mark.parametrize(
    ("genotype", "named"),
    [
        (Genotype("darts", {"cell": Cell(1, (), (3,))}), "belongs to the space 'darts'"),
        (Genotype(SPACE.name, {"normal": Cell(1, (), (3,))}), "has the cell 'cell', not 'normal'"),
        (Genotype(SPACE.name, {"cell": Cell(1, (Edge(0, 4, "none"),), (3,))}), "4←0 of cell 'cell' is unknown"),
        (Genotype(SPACE.name, {"cell": Cell(1, (Edge(0, 1, "sep_conv_3x3"),), (3,))}), "'sep_conv_3x3' on edge 1←0"),
    ],
)
def test_a_genotype_of_another_space_is_refused(genotype: Genotype, named: str) -> None:
    with pytest.raises(UsageError) as refusal:
        nasbench201.operation_indices(genotype)
    assert named in str(refusal.value)
