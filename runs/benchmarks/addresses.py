"""Where an architecture stands in a table: its number in NAS-Bench-201, a canonical key in any other space."""

from __future__ import annotations

import json

from runs.catalogue.spaces.nasbench201 import SPACE
from runs.genotypes import nasbench201
from runs.genotypes.genotype import Genotype

BASE = len(SPACE.operations)
CODES = BASE ** len(SPACE.edges)


def code(genotype: Genotype) -> int:
    """Return the number of a NAS-Bench-201 cell: its operations as digits of base 5, the first edge most significant.

    An edge that is left out is ``none``.

    Raises:
        UsageError: the genotype is none of the space.
    """
    number = 0
    for operation in nasbench201.operation_indices(genotype):
        number = number * BASE + operation
    return number


def decode(number: int) -> Genotype:
    """Return the NAS-Bench-201 cell of a number in [0, 15625)."""
    digits = []
    for _ in SPACE.edges:
        number, digit = divmod(number, BASE)
        digits.append(digit)
    return nasbench201.genotype(digits[::-1])


def key(genotype: Genotype) -> bytes:
    """Return the same bytes for every way to write an architecture: edges in order, those of ``none`` left out.

    Cells that are isomorphic but differ in their edges stay different architectures.
    """
    cells = {
        kind: {
            "inputs": cell.inputs,
            "edges": sorted(
                [edge.target, edge.source, edge.operation] for edge in cell.edges if edge.operation != "none"
            ),
            "outputs": sorted(cell.outputs),
        }
        for kind, cell in genotype.cells.items()
    }
    return json.dumps([genotype.space, cells], sort_keys=True, separators=(",", ":")).encode()


def from_key(written: bytes) -> Genotype:
    """Return an architecture of this key."""
    space, cells = json.loads(written)
    for cell in cells.values():
        cell["edges"] = [[source, target, operation] for target, source, operation in cell["edges"]]
    return Genotype.from_json({"space": space, "cells": cells})
