"""Recovery: either solver finds the exact minimiser, and unreliable solutions are rejected."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.methods.ista.sparse_coding import Array, solvers
from engine.methods.ista.sparse_coding.optimality import violation
from engine.methods.ista.sparse_coding.recovery import SOLVERS, Recovery, Solver, recover, require_solvers, unexplained
from engine.methods.ista.sparse_coding.supports import live, margin
from runs.errors import EnvironmentLacksError
from tests.engine.sparse_coding.vectors import GAMMA, dense, instances
from tests.vectors import load

ROOT = Path(__file__).parents[3]
CASES = load("ista/lasso")["cases"]


@pytest.mark.parametrize("first", SOLVERS)
def test_every_published_case(first: Solver) -> None:
    for case in CASES:
        matrix, code, expected = np.array(case["A"]), np.array(case["b"]), dense(case["x"], case["n"])
        found = recover(matrix, code, case["gamma"], first=first)
        assert found.x is not None, (case["id"], found.failures)
        size = np.abs(expected).max()
        assert np.abs(found.x - expected).max() <= 1e-9 * size, case["id"]
        assert found.nonzeros == case["nnz"]
        chosen = live(found.x)
        assert (chosen and list(reversed(chosen))) == case["top2_ascending"], case["id"]
        if case["margin"] is not None:
            assert margin(found.x) == pytest.approx(case["margin"], abs=1e-5)
        residual = code - matrix @ found.x
        objective = residual @ residual / 2 + case["gamma"] * np.abs(found.x).sum()
        assert objective == pytest.approx(case["objective"], rel=1e-8)


@pytest.mark.parametrize(("first", "count"), [("scs", 200), ("clarabel", 100)])
def test_random_instances_are_certified_and_agree_with_least_angles(first: Solver, count: int) -> None:
    asked = set()
    for matrix, code in instances(count, seed=7):
        found = recover(matrix, code, GAMMA, first=first)
        assert found.x is not None, found.failures
        assert found.violation is not None
        assert found.violation <= 1e-6
        asked.add(found.solver)
        # The optimality conditions: on the support, including the sign, and off it.
        correlations = matrix.T @ (code - matrix @ found.x)
        on = found.x != 0
        assert np.abs(correlations[on] - GAMMA * np.sign(found.x[on])).max() <= 1e-6 * GAMMA
        assert np.abs(correlations[~on]).max() <= GAMMA * (1 + 1e-6)
        other = by_least_angles(matrix, code)
        assert np.abs(other - found.x).max() <= 1e-9 * np.abs(found.x).max()
        assert live(other) == live(found.x)
    assert first in asked


def by_least_angles(matrix: Array, code: Array) -> Array:
    """Return the minimiser computed by scikit-learn, where the weight of |x|_1 is gamma / m."""
    from sklearn.linear_model import lars_path  # takes more than a second, which other test processes need not spend

    scale = np.abs(code).max()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about steps that are too small
        path = lars_path(matrix, code / scale, method="lasso", alpha_min=GAMMA / len(code) / scale)[2]
    return scale * path[:, -1]


def test_a_code_too_small_to_recover_is_zero_without_a_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solvers, "OPTIONS", {})
    matrix = np.random.default_rng(0).random((7, 14))
    below = np.full(7, 1.0)
    below *= GAMMA / np.abs(matrix.T @ below).max()
    for code, share in ((np.zeros(7), 0.0), (below, 1.0)):
        found = recover(matrix, code, GAMMA)
        assert (found.solver, found.failures, found.nonzeros) == ("none", (), 0)
        assert found.x is not None
        assert live(found.x) is None
        assert margin(found.x) == 0
        assert found.violation == pytest.approx(0, abs=1e-9)
        assert found.unexplained == share


def test_a_code_that_is_not_finite_is_refused() -> None:
    found = recover(np.ones((7, 14)), np.array([1.0, np.nan, 1, 1, 1, 1, 1]), GAMMA)
    assert (found.x, found.violation, found.nonzeros) == (None, None, 0)
    assert found.failures == ("the code is not finite",)


def unfinished(monkeypatch: pytest.MonkeyPatch, solver: str) -> None:
    """Make a solver stop before it has converged."""
    option = {"scs": "max_iters", "clarabel": "max_iter"}[solver]
    monkeypatch.setitem(solvers.OPTIONS, solver, solvers.OPTIONS[solver] | {option: 1})


def one() -> tuple[Array, Array]:
    return next(instances(1, seed=3))


@pytest.mark.parametrize("first", SOLVERS)
def test_the_other_solver_stands_in_for_one_that_does_not_finish(
    first: Solver, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = recover(*one(), GAMMA, first=first)
    assert expected.solver == first
    unfinished(monkeypatch, first)
    found = recover(*one(), GAMMA, first=first)
    assert {found.solver} == set(SOLVERS) - {first}
    assert len(found.failures) == 1
    assert found.failures[0].startswith(f"{first}: ")
    # Only the support decides, so every bit is equal.
    assert found.x is not None
    assert expected.x is not None
    assert found.x.tobytes() == expected.x.tobytes()


def test_two_failures_are_an_answer_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for solver in SOLVERS:
        unfinished(monkeypatch, solver)
    found = recover(*one(), GAMMA)
    assert (found.x, found.solver, found.violation, found.unexplained) == (None, "none", None, None)
    assert [reason.split(":")[0] for reason in found.failures] == ["scs", "clarabel"]


@pytest.mark.parametrize("error", [ValueError("no cone"), ArithmeticError("overflow"), RuntimeError("panic")])
def test_a_solver_that_raises(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    import scs

    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(scs, "solve", fail)
    found = recover(*one(), GAMMA)
    assert found.solver == "clarabel"
    assert str(error) in found.failures[0]


def test_a_wrong_answer_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix, code = one()
    right = recover(matrix, code, GAMMA).x
    assert right is not None
    wrong = {
        "another sign": np.where(np.abs(right) == np.abs(right).max(), -right, right),
        "an entry missed": np.where(np.abs(right) == np.abs(right).max(), 0, right),
        "too many entries": np.where(right == 0, np.abs(right).max(), right),
        "nothing": np.zeros_like(right),
    }
    for name, answer in wrong.items():
        monkeypatch.setattr(solvers, "approximate", lambda *_, given=answer: given)
        found = recover(matrix, code, GAMMA)
        assert found.x is None, name
        assert len(found.failures) == 2
    # Entries that should be zero keep rounding errors of the solver; these must not affect the answer.
    blurred = right + 1e-5 * np.abs(right).max() * np.where(right == 0, 1, 0.1)
    monkeypatch.setattr(solvers, "approximate", lambda *_: blurred)
    assert np.array_equal(recover(matrix, code, GAMMA).x, right)


def test_codes_in_the_plane_of_two_columns() -> None:
    """The other entries are small relative to gamma, not to the largest, so a coarse cut alone would lose them."""
    generator = np.random.default_rng(5)
    smallest = 1.0
    for matrix, code in instances(48, seed=5):
        columns = generator.choice(matrix.shape[1], 2, replace=False)
        found = recover(matrix, matrix[:, columns] @ code[:2], GAMMA)
        assert found.x is not None, found.failures
        sizes = np.abs(found.x[found.x != 0])
        smallest = min(smallest, sizes.min() / sizes.max())
    assert smallest < 1e-5


def test_the_violation_counts_both_sides() -> None:
    matrix, code = np.eye(2), np.array([3.0, 0.5])
    assert violation(matrix, code, np.array([2.0, 0.0]), 1.0) == 0
    assert violation(matrix, code, np.array([1.5, 0.0]), 1.0) == pytest.approx(0.5)
    assert violation(matrix, code, np.array([2.0, 0.25]), 1.0) == pytest.approx(0.75)
    assert violation(matrix, np.array([3.0, 1.5]), np.array([2.0, 0.0]), 1.0) == pytest.approx(0.5)


def test_unexplained_is_a_share_of_the_code() -> None:
    assert unexplained(np.eye(2), np.array([3.0, 4.0]), np.array([3.0, 0.0])) == pytest.approx(0.8)
    assert unexplained(np.eye(2), np.zeros(2), np.zeros(2)) == 0


@pytest.mark.parametrize("package", ["cvxpy", "scs", "clarabel"])
def test_a_solver_that_is_not_installed_is_named(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    require_solvers()
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(EnvironmentLacksError, match=rf"'{package}', which is not installed.*pip install {package}"):
        require_solvers()


LAZY = """
import sys
from engine.methods.ista.sparse_coding import freezing, recovery, supports
assert not {"cvxpy", "scs", "clarabel", "torch"} & set(sys.modules)
import hashlib, json
from tests.engine.sparse_coding.vectors import GAMMA, instances
found = [recovery.recover(*given, GAMMA) for given in reversed(list(instances(8, seed=11)))]
print(json.dumps([hashlib.sha256(one.x.tobytes()).hexdigest() for one in reversed(found)]))
"""


def test_the_same_bits_in_a_fresh_process_which_imports_solvers_late() -> None:
    """Also in the other order: earlier recoveries have no effect."""
    done = subprocess.run(
        [sys.executable, "-c", LAZY], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    here: list[Recovery] = [recover(matrix, code, GAMMA) for matrix, code in instances(8, seed=11)]
    assert all(found.x is not None for found in here)
    assert json.loads(done.stdout) == [hashlib.sha256(found.x.tobytes()).hexdigest() for found in here]  # type: ignore[union-attr]
