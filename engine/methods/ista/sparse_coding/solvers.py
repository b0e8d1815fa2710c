"""The recovery problem, stated once in CVXPY for every solver. Only recovery imports this: CVXPY loads slowly (1 s)."""

from __future__ import annotations

import functools
import warnings
from dataclasses import dataclass
from typing import Any

import cvxpy
import numpy as np
from cvxpy.atoms.norm1 import norm1
from cvxpy.atoms.sum_squares import sum_squares

from engine.methods.ista.sparse_coding import Array, SolverFailure

# Nothing is kept between problems (no warm start): the same input gives the same answer in any process.
OPTIONS: dict[str, dict[str, Any]] = {
    "scs": {"solver": "SCS", "warm_start": False, "eps_abs": 1e-9, "eps_rel": 1e-9, "max_iters": 100_000},
    "clarabel": {
        "solver": "CLARABEL",
        "warm_start": False,
        "tol_gap_abs": 1e-12,
        "tol_gap_rel": 1e-12,
        "tol_feas": 1e-12,
    },
}


def approximate(solver: str, matrix: Array, code: Array, gamma: float) -> Array:
    """Return an approximate minimiser of 1/2 |A x - b|^2 + gamma |x|_1.

    The solvers' tolerances are absolute and codes start at 1e-3, so the problem is solved for b / max|b|
    (docs/methods/ista.md, "Problems are scaled before solving").

    Args:
        solver: a key of :data:`OPTIONS`.
        matrix: A [m, n].
        code: b [m], not all zero.
        gamma: positive.

    Raises:
        SolverFailure: the solver raised an error, or ended with a status other than "optimal".
    """
    problem = compiled_problem(solver, *matrix.shape)
    scale = float(np.abs(code).max())
    return scale * problem.solve(matrix, code / scale, gamma / scale)


@dataclass(frozen=True)
class _Problem:
    """A problem of one size for one solver. A, b and gamma are parameters, so that CVXPY compiles it only once."""

    solver: str
    unknown: cvxpy.Variable
    matrix: cvxpy.Parameter
    code: cvxpy.Parameter
    gamma: cvxpy.Parameter
    problem: cvxpy.Problem

    def solve(self, matrix: Array, code: Array, gamma: float) -> Array:
        self.matrix.value, self.code.value, self.gamma.value = matrix, code, gamma
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # "may be inaccurate": the status says it too
                self.problem.solve(**OPTIONS[self.solver])
        except (cvxpy.SolverError, ArithmeticError, RuntimeError, ValueError) as error:
            raise SolverFailure(f"{type(error).__name__}: {error}") from error
        if self.problem.status != cvxpy.OPTIMAL or self.unknown.value is None:
            raise SolverFailure(f"status '{self.problem.status}'")
        return np.array(self.unknown.value, dtype=np.float64)


# Cached per solver as well: CVXPY recompiles a problem when the solver changes.
@functools.cache
def compiled_problem(solver: str, rows: int, columns: int) -> _Problem:
    """Return the problem of a matrix [rows, columns], compiled for a solver."""
    unknown = cvxpy.Variable(columns)
    matrix = cvxpy.Parameter((rows, columns))
    code, gamma = cvxpy.Parameter(rows), cvxpy.Parameter(nonneg=True)
    objective = 0.5 * sum_squares(matrix @ unknown - code) + gamma * norm1(unknown)
    return _Problem(solver, unknown, matrix, code, gamma, cvxpy.Problem(cvxpy.Minimize(objective)))
