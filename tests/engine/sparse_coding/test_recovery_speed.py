"""CPU time of a recovery by solver and node size, compared with one that sets up its problem anew each time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from engine.methods.ista.sparse_coding import Array, solvers
from engine.methods.ista.sparse_coding.recovery import SOLVERS, Solver, recover
from tests.engine.sparse_coding.vectors import GAMMA, WIDTHS

pytestmark = pytest.mark.benchmark


def milliseconds(recovery: Callable[[Array, Array], object], codes: Sequence[tuple[Array, Array]]) -> float:
    recovery(*codes[0])  # this compiles it
    taken = []
    for matrix, code in codes:
        start = time.process_time()
        recovery(matrix, code)
        taken.append(1e3 * (time.process_time() - start))
    return statistics.median(taken)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_recovery(solver: Solver) -> None:
    generator = np.random.default_rng(0)

    def compiled(matrix: Array, code: Array) -> None:
        assert recover(matrix, code, GAMMA, first=solver).x is not None

    def anew(matrix: Array, code: Array) -> None:
        solvers.compiled_problem.cache_clear()
        compiled(matrix, code)

    for width in WIDTHS:
        codes = [
            (generator.random((7, width)), scale * generator.standard_normal(7))
            for scale in (1e-3, 0.03, 0.5)
            for _ in range(40)
        ]
        fast, slow = milliseconds(compiled, codes), milliseconds(anew, codes[::6])
        print(f"\n{solver}, n {width}: {fast:.2f} ms a recovery; stated anew {slow:.2f} ms ({slow / fast:.1f} times)")
        assert slow >= 1.3 * fast
