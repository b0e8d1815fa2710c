"""Recovers the sparse vector that a code stands for: a solver's answer, made exact and accepted only if certified."""

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

# Thresholds for zeros in an approximate answer, as shares of its largest entry, coarsest first. They are tried until
# the answer is certified: a code that lies almost in the plane of two columns has further entries far below the first.
CUTS = (1e-4, 1e-6, 1e-8)


@dataclass(frozen=True, eq=False)
class Recovery:
    """The answer for one code.

    Attributes:
        x: [n], certified to be the minimiser; exact zeros off its support. None if no solver found it; the caller then
            keeps its previous vector.
        solver: the solver whose support it is; ``none`` if x = 0 follows without a solver, or if x is None.
        violation: of the optimality conditions, relative to gamma, see
            :func:`engine.methods.ista.sparse_coding.optimality.violation`; None if x is None.
        unexplained: the share of the code that x leaves unexplained, see :func:`unexplained`; None if x is None.
        seconds: the duration of the recovery.
        failures: why the solvers tried before this one, or all of them, were rejected.
    """

    x: Array | None
    solver: Solver | Literal["none"]
    violation: float | None
    unexplained: float | None
    seconds: float
    failures: tuple[str, ...] = ()

    @property
    def nonzeros(self) -> int:
        """The number of non-zero entries of x."""
        return 0 if self.x is None else int(np.count_nonzero(self.x))


def require_solvers() -> None:
    """Check that everything a recovery may need is installed.

    Raises:
        EnvironmentLacksError: a package is missing; the message names it.
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

    The support found by the ``first`` solver is made exact and certified; if the certificate fails, the other solver is
    tried. The same input gives the same x, bit for bit, in any process.

    Args:
        matrix: A [m, n].
        code: b [m].
        gamma: the weight of |x|_1, positive.
        first: the solver to try first.
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
    # Imported late, so that only this method pays for CVXPY.
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
    """Return |b - A x| / |b|, or 0 for a zero code; x may be whole or truncated to its live set.

    See docs/methods/ista.md, "Most of the code stays unexplained".
    """
    size = float(np.linalg.norm(code))
    return float(np.linalg.norm(code - matrix @ x)) / size if size else 0.0
