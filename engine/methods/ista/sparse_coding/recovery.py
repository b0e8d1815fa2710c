"""Which sparse vector a code stands for: the answer of a solver, made exact, and believed only if certified."""

from __future__ import annotations

import importlib
import time
from dataclasses import dataclass
from typing import Literal

import numpy as np

from engine.methods.ista.sparse_coding import Array, SolverFailure
from engine.methods.ista.sparse_coding.optimality import TOLERANCE, polished, violation
from runs.errors import EnvironmentLacksError

Solver = Literal["scs", "clarabel"]
SOLVERS: tuple[Solver, ...] = ("scs", "clarabel")

# What is a zero in an approximate answer, as a share of its largest entry: what it takes to be certified, the coarsest
# first. A code that lies almost in the plane of two columns has further entries far below the first of these.
CUTS = (1e-4, 1e-6, 1e-8)


@dataclass(frozen=True, eq=False)
class Recovery:
    """The answer for one code.

    Attributes:
        x: [n], certified to be the minimiser; exact zeros off its support. None where no solver found it: then the
            caller keeps the vector that it has.
        solver: whose support it is; ``none`` where x = 0 follows without one, or where x is None.
        violation: of the optimality conditions, relative to gamma, see
            :func:`engine.methods.ista.sparse_coding.optimality.violation`; None where x is None.
        unexplained: the share of the code that x leaves over, see :func:`unexplained`; None where x is None.
        seconds: that the recovery took.
        failures: why solvers that were asked before this one, or all of them, were not believed.
    """

    x: Array | None
    solver: Solver | Literal["none"]
    violation: float | None
    unexplained: float | None
    seconds: float
    failures: tuple[str, ...] = ()

    @property
    def nonzeros(self) -> int:
        """How many entries of x are not zero."""
        return 0 if self.x is None else int(np.count_nonzero(self.x))


def require_solvers() -> None:
    """Check that everything a recovery may need is installed.

    Raises:
        EnvironmentLacksError: a package is not; the message names it.
    """
    for package in ("cvxpy", *SOLVERS):
        try:
            importlib.import_module(package)
        except ImportError as error:
            raise EnvironmentLacksError(
                f"ISTA-NAS recovers its codes by '{package}', which is not installed.", f"Get it: pip install {package}"
            ) from error


def recover(matrix: Array, code: Array, gamma: float, *, first: Solver = "scs") -> Recovery:
    """Return the minimiser of 1/2 |A x - b|^2 + gamma |x|_1.

    See docs/methods/ista.md, "Recovery" and "What nastui does".

    The ``first`` solver's support is made exact and certified; where the certificate fails, the other solver is asked.
    The same input gives the same x, bit for bit, in any process.

    Args:
        matrix: A [m, n].
        code: b [m].
        gamma: the weight of |x|_1, positive.
        first: the solver to begin with.
    """
    start = time.perf_counter()
    if not np.isfinite(code).all():
        return Recovery(None, "none", None, None, time.perf_counter() - start, ("the code is not finite",))
    if np.abs(matrix.T @ code).max() <= gamma:
        zero = np.zeros(matrix.shape[1])
        share = unexplained(matrix, code, zero)
        return Recovery(zero, "none", violation(matrix, code, zero, gamma), share, time.perf_counter() - start)
    failures: list[str] = []
    for solver in sorted(SOLVERS, key=lambda name: name != first):
        try:
            x = _exact(solver, matrix, code, gamma)
        except SolverFailure as failure:
            failures.append(f"{solver}: {failure}")
        else:
            share, missed = unexplained(matrix, code, x), violation(matrix, code, x, gamma)
            return Recovery(x, solver, missed, share, time.perf_counter() - start, tuple(failures))
    return Recovery(None, "none", None, None, time.perf_counter() - start, tuple(failures))


def _exact(solver: Solver, matrix: Array, code: Array, gamma: float) -> Array:
    """Return a certified minimiser on the support that a solver found, or raise SolverFailure."""
    # Imported late: only this method pays for CVXPY.
    solvers = importlib.import_module("engine.methods.ista.sparse_coding.solvers")
    near = solvers.approximate(solver, matrix, code, gamma)
    missed = []
    for cut in CUTS:
        x = polished(matrix, code, near, gamma, cut)
        if x is None:
            continue
        missed.append(violation(matrix, code, x, gamma))
        if missed[-1] <= TOLERANCE:
            return x
    if not missed:
        raise SolverFailure("its support does not determine an answer")
    raise SolverFailure(f"its answer misses the optimality conditions by {min(missed):.1e} gamma")


def unexplained(matrix: Array, code: Array, x: Array) -> float:
    """Return |b - A x| / |b|, 0 for a zero code: of a whole x, or of one cut to its live set.

    See docs/methods/ista.md, "Most of the code stays unexplained".
    """
    size = float(np.linalg.norm(code))
    return float(np.linalg.norm(code - matrix @ x)) / size if size else 0.0
