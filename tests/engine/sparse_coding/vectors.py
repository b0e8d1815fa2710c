"""Helpers for the tests of sparse coding: vectors of the method note as arrays, and random instances."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from engine.methods.ista.sparse_coding import Array

# Scales of codes: at the start, after some epochs, and trained.
SCALES = (1e-3, 0.03, 0.5)
GAMMA = 1e-5
WIDTHS = (14, 21, 28, 35)


def dense(sparse: Mapping[str, float], length: int) -> Array:
    x = np.zeros(length)
    for entry, value in sparse.items():
        x[int(entry)] = value
    return x


def instances(count: int, seed: int) -> Iterator[tuple[Array, Array]]:
    """Yield matrices and codes for every node size at every scale."""
    generator = np.random.default_rng(seed)
    for index in range(count):
        width, scale = WIDTHS[index % len(WIDTHS)], SCALES[index // len(WIDTHS) % len(SCALES)]
        yield generator.random((7, width)), scale * generator.standard_normal(7)
