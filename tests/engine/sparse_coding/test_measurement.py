"""Measurement matrices: the draws of the public code, and ours in the same order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.methods.ista.sparse_coding.measurement import matrices
from tests.vectors import load


@pytest.mark.parametrize("run", load("ista/measurement")["runs"], ids=lambda run: f"seed {run['seed']}")
def test_the_public_code_s_draws(run: dict[str, Any]) -> None:
    drawn = matrices(run["seed"], "legacy")
    assert [len(nodes) for nodes in drawn.values()] == [4, 4]
    for expected in run["draws"]:
        matrix = drawn[expected["cell"]][expected["node"]]
        assert list(matrix.shape) == expected["shape"]
        assert matrix[0, :3] == pytest.approx(expected["first3"], rel=1e-9)
        assert matrix[-1, -1] == pytest.approx(expected["last"], rel=1e-9)
        assert matrix.sum() == pytest.approx(expected["sum"], rel=1e-9)
        assert np.linalg.norm(matrix, 2) == pytest.approx(expected["spectral_norm"], rel=1e-8)


def test_uniform_draws_come_in_order_from_their_own_generator() -> None:
    np.random.seed(0)
    drawn = matrices(2)
    np.random.rand(5)
    again = matrices(2)
    stream = np.random.default_rng(2).random(2 * 7 * (14 + 21 + 28 + 35))
    for node in range(4):
        for kind in ("normal", "reduce"):
            matrix = drawn[kind][node]
            assert matrix.dtype == np.float64
            assert matrix.shape == (7, 7 * (node + 2))
            assert np.array_equal(matrix.ravel(), stream[: matrix.size])
            assert np.array_equal(matrix, again[kind][node])
            stream = stream[matrix.size :]
    assert not len(stream)
    assert not np.array_equal(drawn["normal"][0], matrices(3)["normal"][0])


def test_gaussian_columns_have_norm_one_and_are_less_coherent() -> None:
    def coherence(matrix: np.ndarray) -> float:
        scaled = matrix / np.linalg.norm(matrix, axis=0)
        return float(np.abs(scaled.T @ scaled - np.eye(matrix.shape[1])).mean())

    for gaussian, uniform in zip(matrices(0, "unit_gaussian")["reduce"], matrices(0)["reduce"], strict=True):
        assert np.linalg.norm(gaussian, axis=0) == pytest.approx(1)
        assert coherence(gaussian) < coherence(uniform) / 2


def test_other_spaces_have_other_sizes() -> None:
    drawn = matrices(0, operations=4, nodes=3, rows=5)
    assert [matrix.shape for matrix in drawn["normal"]] == [(5, 8), (5, 12), (5, 16)]
