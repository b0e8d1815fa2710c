"""Live sets, biases and multipliers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.methods.ista.sparse_coding.recovery import unexplained
from engine.methods.ista.sparse_coding.supports import alphas, bias, genotype, live, margin, truncated
from runs.genotypes.darts import pairs
from tests.engine.sparse_coding.vectors import dense
from tests.vectors import load

VECTORS = load("ista/project")
CODES = ("at_recovery", "after_update")


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["id"])
def test_projection(case: dict[str, Any]) -> None:
    matrix, x = np.array(case["A"]), dense(case["x"], case["n"])
    chosen = live(x)
    if len(case["x"]) < 2:
        # The vectors complete such a pair by the lowest index; the method keeps the pair of before
        # (docs/methods/ista.md, "Ties take the lower index").
        assert chosen is None
        chosen = tuple(case["live"])
    assert sorted(chosen or ()) == sorted(case["live"])
    assert chosen is not None
    constant = bias(matrix, x, chosen)
    # Computed from the definition, with the whole of E.
    whole = (matrix.T @ matrix - np.eye(case["n"])).T @ truncated(x, chosen)
    for place, entry in enumerate(chosen):
        assert constant[place] == pytest.approx(case["bias_live"][str(entry)], rel=1e-9, abs=1e-12)
        assert constant[place] == pytest.approx(whole[entry], rel=1e-9, abs=1e-12)
    for name in CODES:
        code = np.array(case[name]["b"])
        found = dict(zip(chosen, alphas(matrix, code, constant, chosen).tolist(), strict=True))
        expected = {int(entry): value for entry, value in case[name]["alpha_live"].items()}
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-11)


@pytest.mark.parametrize("network", VECTORS["networks"], ids=lambda network: network["id"])
def test_whole_cells(network: dict[str, Any]) -> None:
    sets, operations = {}, VECTORS["ops"]
    for kind, cell in network["cells"].items():
        found, sets[kind], first = [], [], 0
        for node, (rows, sparse, code) in enumerate(zip(cell["A"], cell["x"], cell["b"], strict=True)):
            matrix, x = np.array(rows), dense(sparse, 7 * (node + 2))
            chosen = live(x)
            assert chosen is not None
            sets[kind].append(chosen)
            values = alphas(matrix, np.array(code), bias(matrix, x, chosen), chosen).tolist()
            for entry, value in sorted(zip(chosen, values, strict=True)):
                found.append([first + entry // 7, entry % 7, pytest.approx(value, rel=1e-9, abs=1e-11)])
            first += node + 2
        assert sorted(cell["alpha_live"], key=lambda row: row[:2]) == sorted(found, key=lambda row: row[:2])
    cells = genotype(sets, operations).cells
    for kind, cell in network["cells"].items():
        assert pairs(cells[kind]) == [tuple(pair) for pair in cell["genotype"]]


def test_live_sets_of_ties_and_of_too_few() -> None:
    assert live(np.array([0.0, -2.0, 1.0, 2.0, 2.0])) == (1, 3)
    assert live(np.array([1.0, 1.0, 1.0]), sparsity=3) == (0, 1, 2)
    assert live(np.array([0.0, 1.0, 0.0])) is None
    assert live(np.zeros(4)) is None
    assert all(type(entry) is int for entry in live(np.array([3.0, 1.0])) or ())


def test_distinct_predecessors_pass_over_a_shared_edge() -> None:
    x = np.array([5.0, -4.0, 0.0, 3.0, 0.0, 2.0])
    assert live(x) == (0, 1)
    assert live(x, operations=3) == (0, 3)
    assert live(np.array([5.0, -4.0, 1.0, 0.0, 0.0, 0.0]), operations=3) is None


def test_the_margin_is_between_second_and_third() -> None:
    assert margin(np.array([0.5, -2.0, 1.0, 0.0])) == pytest.approx(0.25)
    assert margin(np.array([3.0, 0.0, 0.0])) == 0


def test_what_truncation_leaves_unexplained() -> None:
    """The compressed loss equals the sparse one only if the live set explains the code.

    See docs/methods/ista.md, "Most of the code stays unexplained".
    """
    matrix = np.random.default_rng(0).random((7, 14))
    x = dense({"3": 1.0, "9": -2.0, "4": 0.5}, 14)
    assert unexplained(matrix, matrix @ x, x) == pytest.approx(0, abs=1e-12)
    kept = truncated(x, (9, 3))
    assert kept.tolist() == dense({"3": 1.0, "9": -2.0}, 14).tolist()
    expected = 0.5 * np.linalg.norm(matrix[:, 4]) / np.linalg.norm(matrix @ x)
    assert unexplained(matrix, matrix @ x, kept) == pytest.approx(expected)
    # A code that is a sum of two columns is reproduced by its own multipliers.
    chosen, code = (9, 3), matrix @ kept
    assert alphas(matrix, code, bias(matrix, kept, chosen), chosen) == pytest.approx([-2.0, 1.0])
