"""When x minimises 1/2 |A x - b|^2 + gamma |x|_1, and how to make an approximate minimiser exact.

See docs/methods/ista.md, "Optimality certificate".
"""

from __future__ import annotations

import numpy as np

from engine.methods.ista.sparse_coding import Array

TOLERANCE = 1e-6


def violation(matrix: Array, code: Array, x: Array, gamma: float) -> float:
    """Return by how much x violates the Karush-Kuhn-Tucker conditions, relative to gamma; 0 for the minimiser.

    With r = b - A x: A_j'r is gamma sign(x_j) where x_j is not 0, and lies within -gamma ... gamma elsewhere.
    Minimisers computed in float64 are within :data:`TOLERANCE`.
    """
    correlations = matrix.T @ (code - matrix @ x)
    off = np.where(x != 0, np.abs(correlations - gamma * np.sign(x)), np.maximum(np.abs(correlations) - gamma, 0.0))
    return float(off.max() / gamma)


def polished(matrix: Array, code: Array, x: Array, gamma: float, cut: float) -> Array | None:
    """Return the solution of the conditions for the support and the signs of an approximate x.

        x_S = (A_S'A_S)^-1 (A_S'b - gamma s)

    The result depends only on the support and the signs: solvers that agree on these agree to the last bit.

    Args:
        matrix: A [m, n].
        code: b [m].
        x: [n], approximate.
        gamma: the weight of |x|_1, positive.
        cut: entries of at most this share of the largest count as zero.

    Returns:
        x [n], or None if more than m entries are left or their columns are dependent. Use :func:`violation` to check
        whether it is the minimiser.
    """
    magnitudes = np.abs(x)
    support = np.flatnonzero(magnitudes > cut * magnitudes.max())
    if not 0 < len(support) <= len(code):
        return None
    columns, signs = matrix[:, support], np.sign(x[support])
    triangle: Array = np.linalg.qr(columns)[1]
    values = np.zeros(len(support))
    try:
        # Seminormal equations; the second pass removes the rounding error of the first.
        for _ in range(2):
            missing = columns.T @ (code - columns @ values) - gamma * signs
            values += np.linalg.solve(triangle, np.linalg.solve(triangle.T, missing))
    except np.linalg.LinAlgError:
        return None
    exact = np.zeros_like(x)
    exact[support] = values
    return exact if np.isfinite(values).all() else None
